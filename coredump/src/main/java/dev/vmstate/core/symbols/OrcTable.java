package dev.vmstate.core.symbols;

import dev.vmstate.bytes.FormatException;
import dev.vmstate.core.btf.Structs;
import dev.vmstate.core.kernel.KernelMemory;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Optional;

/**
 * One ORC table of x86-64 Linux: for each run of code, where the caller's stack pointer is. Source:
 * arch/x86/include/asm/orc_types.h, arch/x86/kernel/unwind_orc.c, tools/objtool.
 *
 * <pre>
 * orc_unwind_ip ::= (address of the run - address of this entry: i32)*    ascending
 * orc_unwind    ::= (sp_offset:i16 bp_offset:i16 Flags:u16)*             beside it
 * Flags         ::= sp_reg:4 bp_reg:4 type:2 end:1                         up to 6.2
 *                 | sp_reg:4 bp_reg:4 type:2 signal:1 end:1                6.3
 *                 | sp_reg:4 bp_reg:4 type:3 signal:1                      6.4 and later
 * </pre>
 *
 * <p>Up to 6.3 types are CALL, REGS, REGS_PARTIAL from 0 on; then UNDEFINED and END_OF_STACK come
 * before them. 7.1 numbered the registers anew.
 */
final class OrcTable {
  static final int UNDEFINED = 0;
  static final int END_OF_STACK = 1;
  static final int CALL = 2;
  static final int REGS = 3;
  static final int REGS_PARTIAL = 4;

  /** Registers, numbered as since 7.1. */
  static final int NOTHING = 0;

  static final int SP = 3;
  static final int BP = 4;
  static final int PREV_SP = 8;
  static final int SP_INDIRECT = 9;
  static final int BP_INDIRECT = 10;

  /** Those numbers by the ones of before. */
  private static final int[] RENUMBERED = {NOTHING, PREV_SP, 2, 5, BP, SP, 6, 7, BP_INDIRECT, 9};

  private static final int OLD_SP = 5;
  private static final int ENTRY_BYTES = 6;

  private final ByteBuffer addresses;
  private final ByteBuffer entries;
  private final long at;
  private final Form form;

  /**
   * What the flags mean.
   *
   * @param signal whether they have that bit
   * @param end whether they have that bit
   * @param renumbered whether registers are those of 7.1 and later
   */
  record Form(boolean signal, boolean end, boolean renumbered) {
    /** By {@code struct orc_entry} in the kernel's types; empty when it has none of six bytes. */
    static Optional<Form> of(Structs types) {
      if (types.size("orc_entry").orElse(0) != ENTRY_BYTES) {
        return Optional.empty();
      }
      return Optional.of(
          new Form(
              types.member("orc_entry", "signal").isPresent(),
              types.member("orc_entry", "end").isPresent(),
              false));
    }
  }

  private OrcTable(ByteBuffer addresses, ByteBuffer entries, long at, Form form) {
    this.addresses = addresses;
    this.entries = entries;
    this.at = at;
    this.form = form;
  }

  /**
   * Reads a table.
   *
   * @param ip address of orc_unwind_ip
   * @param orc address of orc_unwind
   * @param most entries that are read
   */
  static OrcTable read(KernelMemory memory, Form form, long ip, long orc, long count, int most)
      throws IOException {
    if (count < 0 || count > most) {
      throw new FormatException("ORC table", ip, "%d entries".formatted(count));
    }
    return new OrcTable(
        buffer(memory.bytes(ip, (int) (4 * count))),
        buffer(memory.bytes(orc, (int) (ENTRY_BYTES * count))),
        ip,
        form);
  }

  private static ByteBuffer buffer(byte[] bytes) {
    return ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
  }

  /**
   * The form with the registers' numbers, which no type tells: most code finds its caller from the
   * stack pointer.
   */
  Form form() {
    int old = 0;
    int renumbered = 0;
    for (int i = 0; i < size(); i++) {
      int register = flags(i) & 0xf;
      old += register == OLD_SP ? 1 : 0;
      renumbered += register == SP ? 1 : 0;
    }
    return new Form(form.signal(), form.end(), renumbered > old);
  }

  /** The same table in another form. */
  OrcTable in(Form other) {
    return new OrcTable(addresses, entries, at, other);
  }

  int size() {
    return addresses.capacity() / 4;
  }

  /** Where the run {@code i} begins; it ends with the next one. */
  long address(int i) {
    return at + 4L * i + addresses.getInt(4 * i);
  }

  int spOffset(int i) {
    return entries.getShort(ENTRY_BYTES * i);
  }

  int bpOffset(int i) {
    return entries.getShort(ENTRY_BYTES * i + 2);
  }

  private int flags(int i) {
    return entries.getShort(ENTRY_BYTES * i + 4) & 0xffff;
  }

  int spRegister(int i) {
    return register(flags(i) & 0xf);
  }

  int bpRegister(int i) {
    return register(flags(i) >> 4 & 0xf);
  }

  private int register(int number) {
    return form.renumbered() || number >= RENUMBERED.length ? number : RENUMBERED[number];
  }

  /** Numbered as since 6.4. */
  int type(int i) {
    if (!form.end()) {
      return flags(i) >> 8 & 7;
    }
    if (spRegister(i) == 0) {
      boolean end = (flags(i) >> (form.signal() ? 11 : 10) & 1) != 0;
      return end ? END_OF_STACK : UNDEFINED;
    }
    return CALL + (flags(i) >> 8 & 3);
  }

  /** Whether the address found is one that was interrupted, not one to return to. */
  boolean signal(int i) {
    return form.signal() ? (flags(i) >> (form.end() ? 10 : 11) & 1) != 0 : type(i) > CALL;
  }
}
