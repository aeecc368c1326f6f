package dev.vmstate.core.process;

import dev.vmstate.elf.PrStatus;
import java.nio.ByteBuffer;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The registers a thread has in user mode: what it goes on with when the kernel is done with it.
 *
 * <pre>
 * user_regs_struct of x86-64, 27 * u64: r15 r14 r13 r12 rbp rbx r11 r10 r9 r8 rax rcx rdx rsi rdi
 *   orig_rax rip cs eflags rsp ss fs_base gs_base ds es fs gs
 * of i386, 17 * u32: ebx ecx edx esi edi ebp eax ds es fs gs orig_eax eip cs eflags esp ss
 * </pre>
 *
 * Source: {@code arch/x86/include/asm/user_64.h}, {@code user_32.h}.
 *
 * @param values by the names of x86-64; what is missing is 0
 */
public record UserRegisters(Map<String, Long> values) {
  /** Bytes of the x86-64 form. */
  public static final int BYTES = 27 * 8;

  /** Bytes of the i386 form. */
  public static final int I386_BYTES = 17 * 4;

  /** The first 21 of user_regs_struct: these the kernel's pt_regs has, in this order. */
  static final List<String> FRAME = PrStatus.NAMES.subList(0, 21);

  /** The rest of it. */
  static final List<String> BEHIND = List.of("fs_base", "gs_base", "ds", "es", "fs", "gs");

  private static final List<String> I386 =
      List.of(
          "rbx",
          "rcx",
          "rdx",
          "rsi",
          "rdi",
          "rbp",
          "rax",
          "ds",
          "es",
          "fs",
          "gs",
          "orig_rax",
          "rip",
          "cs",
          "eflags",
          "rsp",
          "ss");

  private static final long IA32_CODE = 0x23;

  public UserRegisters {
    values = new LinkedHashMap<>(values);
  }

  /** A copy. */
  @Override
  public Map<String, Long> values() {
    return new LinkedHashMap<>(values);
  }

  /** The value of one, by its x86-64 name. */
  public long get(String name) {
    return values.getOrDefault(name, 0L);
  }

  /** Whether a 64-bit kernel has the thread in 32-bit code. */
  public boolean compat() {
    return get("cs") == IA32_CODE;
  }

  /** Appends user_regs_struct of x86-64; {@code out} is little-endian. */
  public void encode(ByteBuffer out) {
    FRAME.forEach(name -> out.putLong(get(name)));
    BEHIND.forEach(name -> out.putLong(get(name)));
  }

  /** Appends user_regs_struct of i386; {@code out} is little-endian. */
  public void encodeI386(ByteBuffer out) {
    I386.forEach(name -> out.putInt((int) get(name)));
  }
}
