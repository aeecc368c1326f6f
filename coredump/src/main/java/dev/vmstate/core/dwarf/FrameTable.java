package dev.vmstate.core.dwarf;

/**
 * Section .debug_frame for x86-64, DWARF 4, section 6.4: how to find the caller of any address.
 * What a frame does not save has no value in its caller, as the kernel's tables do not follow it: a
 * debugger says so instead of showing the callee's.
 */
public final class FrameTable {
  private static final int RSP = 7;
  private static final int RBP = 6;
  private static final int RETURN_ADDRESS = 16;
  private static final int RFLAGS = 49;
  private static final int CS = 51;
  private static final int SS = 52;

  private static final int UNDEFINED = 0x07;
  private static final int SAME_VALUE = 0x08;
  private static final int DEF_CFA_EXPRESSION = 0x0f;
  private static final int EXPRESSION = 0x10;
  private static final int OFFSET_EXTENDED_SF = 0x11;
  private static final int DEF_CFA_SF = 0x12;
  private static final int ADVANCE_LOC4 = 0x04;
  private static final int ADVANCE_LOC2 = 0x03;
  private static final int ADVANCE_LOC1 = 0x02;
  private static final int ADVANCE_LOC = 0x40;
  private static final int OP_DEREF = 0x06;
  private static final int OP_PLUS_UCONST = 0x23;
  private static final int OP_BREG0 = 0x70;
  private static final int DATA_ALIGNMENT = -8;

  /** Members of struct pt_regs by their DWARF numbers, from its first on. */
  private static final int[] PT_REGS = {
    15, 14, 13, 12, RBP, 3, 11, 10, 9, 8, 0, 2, 1, 4, 5, -1, RETURN_ADDRESS, CS, RFLAGS, RSP, SS
  };

  /** What the processor pushes. */
  private static final int[] IRET = {RETURN_ADDRESS, CS, RFLAGS, RSP, SS};

  /** Rows of one entry; a debugger reads an entry from its start to the address it wants. */
  private static final int MOST_ROWS = 24;

  private final LittleBytes out = new LittleBytes();
  private final int[] heads = new int[2 * Kind.values().length];
  private int entry = -1;
  private int rangeAt;
  private int head;
  private long start;
  private long at;
  private int rows;
  private int entries;

  /** What lies where the canonical frame address (CFA) is. */
  public enum Kind {
    /** The caller's frame; the return address is below. */
    CALL,
    /** All registers, in struct pt_regs. */
    REGS,
    /** What the processor pushed; other registers are as they were. */
    IRET,
    /** Nothing: the stack ends here. */
    END
  }

  /**
   * How the CFA is found.
   *
   * @param register by its DWARF number
   * @param before added to the register
   * @param indirect whether the CFA is read from memory there
   * @param after added to what was read
   */
  public record Cfa(int register, int before, boolean indirect, int after) {
    /** Register and offset. */
    public static Cfa at(int register, int offset) {
      return new Cfa(register, offset, false, 0);
    }
  }

  /** Where rbp is. */
  public enum Rbp {
    /** Where it was. */
    SAME,
    /** In memory, from the CFA. */
    FROM_CFA,
    /** In memory, from itself. */
    FROM_RBP
  }

  /** The section; {@link #end} was called for the last row. */
  public LittleBytes bytes() {
    return out;
  }

  /** Entries for code. */
  public int entries() {
    return entries;
  }

  /** From {@code address} on, until the next row or {@link #end}; addresses ascend. */
  public void row(long address, Kind kind, boolean signal, Cfa cfa, Rbp rbp, int rbpOffset) {
    int wanted = head(kind, signal);
    if (entry >= 0 && (rows == MOST_ROWS || wanted != head)) {
      end(address);
    }
    if (entry < 0) {
      begin(address, wanted);
    } else {
      advance(address - at);
    }
    at = address;
    rows++;
    if (kind == Kind.END) {
      return;
    }
    if (cfa.indirect()) {
      LittleBytes expression = new LittleBytes();
      expression.u8(OP_BREG0 + cfa.register()).sleb(cfa.before()).u8(OP_DEREF);
      if (cfa.after() != 0) {
        expression.u8(OP_PLUS_UCONST).uleb(cfa.after());
      }
      out.u8(DEF_CFA_EXPRESSION).uleb(expression.size()).bytes(expression);
    } else if (cfa.before() % DATA_ALIGNMENT == 0) {
      out.u8(DEF_CFA_SF).uleb(cfa.register()).sleb(cfa.before() / DATA_ALIGNMENT);
    } else {
      LittleBytes expression = new LittleBytes();
      expression.u8(OP_BREG0 + cfa.register()).sleb(cfa.before());
      out.u8(DEF_CFA_EXPRESSION).uleb(expression.size()).bytes(expression);
    }
    if (kind != Kind.REGS) {
      rbp(rbp, rbpOffset);
    }
  }

  private void rbp(Rbp rbp, int offset) {
    if (rbp == Rbp.SAME) {
      out.u8(SAME_VALUE).uleb(RBP);
    } else if (rbp == Rbp.FROM_CFA && offset % DATA_ALIGNMENT == 0) {
      saved(RBP, offset);
    } else {
      LittleBytes expression = new LittleBytes();
      if (rbp == Rbp.FROM_RBP) {
        expression.u8(OP_BREG0 + RBP).sleb(offset);
      } else {
        expression.u8(0x11).sleb(offset).u8(0x22); // the CFA is on the stack: consts, plus
      }
      out.u8(EXPRESSION).uleb(RBP).uleb(expression.size()).bytes(expression);
    }
  }

  private void saved(int register, int offset) {
    out.u8(OFFSET_EXTENDED_SF).uleb(register).sleb(offset / DATA_ALIGNMENT);
  }

  private void advance(long delta) {
    if (delta < 0x40) {
      out.u8(ADVANCE_LOC | (int) delta);
    } else if (delta <= 0xff) {
      out.u8(ADVANCE_LOC1).u8((int) delta);
    } else if (delta <= 0xffff) {
      out.u8(ADVANCE_LOC2).u16((int) delta);
    } else {
      out.u8(ADVANCE_LOC4).u32(delta);
    }
  }

  private void begin(long address, int of) {
    head = of;
    start = address;
    rows = 0;
    entry = out.size();
    out.u32(0).u32(of).u64(address);
    rangeAt = out.size();
    out.u64(0).uleb(0);
  }

  /** The code that the last row is for ends at {@code address}. */
  public void end(long address) {
    if (entry < 0) {
      return;
    }
    out.setInt(rangeAt, (int) (address - start));
    out.align(8);
    out.setInt(entry, out.size() - entry - 4);
    entry = -1;
    entries++;
  }

  /** The offset of the common part of that kind, written when there is none yet. */
  private int head(Kind kind, boolean signal) {
    int place = 2 * kind.ordinal() + (signal ? 1 : 0);
    if (heads[place] == 0) {
      end(at < start ? start : at);
      heads[place] = out.size() + 1;
      common(kind, signal);
    }
    return heads[place] - 1;
  }

  private void common(Kind kind, boolean signal) {
    int from = out.size();
    out.u32(0).u32(0xffff_ffffL).u8(1).u8('z');
    if (signal) {
      out.u8('S'); // the address is looked up as it is, not the one before it
    }
    out.u8(0).uleb(1).sleb(DATA_ALIGNMENT).u8(RETURN_ADDRESS).uleb(0);
    out.u8(DEF_CFA_SF).uleb(RSP).sleb(0);
    switch (kind) {
      case CALL -> {
        saved(RETURN_ADDRESS, -8);
        for (int register = 0; register < 16; register++) {
          if (register != RSP && register != RBP) {
            out.u8(UNDEFINED).uleb(register);
          }
        }
      }
      case REGS -> block(PT_REGS);
      case IRET -> block(IRET);
      case END -> out.u8(UNDEFINED).uleb(RETURN_ADDRESS);
      default -> throw new IllegalArgumentException(kind.toString());
    }
    out.align(8);
    out.setInt(from, out.size() - from - 4);
  }

  private void block(int[] registers) {
    for (int i = 0; i < registers.length; i++) {
      if (registers[i] >= 0) {
        saved(registers[i], 8 * i);
      }
    }
  }
}
