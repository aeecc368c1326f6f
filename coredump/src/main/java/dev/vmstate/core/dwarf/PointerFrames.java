package dev.vmstate.core.dwarf;

import java.util.List;

/**
 * Section .debug_frame for functions that keep a frame pointer, DWARF 3, section 6.4: after {@code
 * push %ebp; mov %esp,%ebp} the caller's frame is found through the register, whatever the function
 * does to its stack.
 */
public final class PointerFrames {
  private static final int ADVANCE_LOC4 = 0x04;
  private static final int REMEMBER_STATE = 0x0a;
  private static final int RESTORE_STATE = 0x0b;
  private static final int DEF_CFA = 0x0c;
  private static final int DEF_CFA_REGISTER = 0x0d;
  private static final int DEF_CFA_OFFSET = 0x0e;
  private static final int OFFSET = 0x80;

  private final int word;
  private final int stack;
  private final int frame;
  private final LittleBytes out = new LittleBytes();
  private int entries;

  /**
   * Nothing yet.
   *
   * @param word bytes of an address: 4 of i386, 8 of x86-64, whose registers DWARF numbers anew
   */
  public PointerFrames(int word) {
    this.word = word;
    this.stack = word == 4 ? 4 : 7;
    this.frame = word == 4 ? 5 : 6;
    int returnAddress = word == 4 ? 8 : 16;
    out.u32(0).u32(0xffff_ffffL).u8(1).u8(0).uleb(1).sleb(-word).u8(returnAddress);
    out.u8(DEF_CFA).uleb(stack).uleb(word).u8(OFFSET | returnAddress).uleb(1);
    close(0);
  }

  private void close(int from) {
    out.align(word);
    out.setInt(from, out.size() - from - 4);
  }

  /**
   * A function.
   *
   * @param pushed bytes from its start to behind the push
   * @param moved bytes from its start to behind the move
   * @param popped bytes from its start to each instruction behind a pop of the frame pointer,
   *     ascending: a return, or a jump to another function
   */
  public void function(long start, long end, int pushed, int moved, List<Integer> popped) {
    int from = out.size();
    out.u32(0).u32(0).number(word, start).number(word, end - start);
    out.u8(ADVANCE_LOC4).u32(pushed).u8(DEF_CFA_OFFSET).uleb(2L * word);
    out.u8(OFFSET | frame).uleb(2);
    out.u8(ADVANCE_LOC4).u32(moved - pushed).u8(DEF_CFA_REGISTER).uleb(frame);
    int at = moved;
    for (int pop : popped) {
      out.u8(ADVANCE_LOC4).u32(pop - at).u8(REMEMBER_STATE);
      out.u8(DEF_CFA).uleb(stack).uleb(word);
      out.u8(ADVANCE_LOC4).u32(1).u8(RESTORE_STATE); // wherever it ends: nobody stands inside it
      at = pop + 1;
    }
    close(from);
    entries++;
  }

  /** The section. */
  public LittleBytes bytes() {
    return out;
  }

  /** Functions in it. */
  public int entries() {
    return entries;
  }
}
