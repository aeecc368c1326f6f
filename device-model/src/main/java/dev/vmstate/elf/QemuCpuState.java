package dev.vmstate.elf;

import dev.vmstate.cpu.X86Cpu;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;

/**
 * The note of owner QEMU, type 0: system registers of an x86 CPU, which NT_PRSTATUS has no room
 * for. crash and volatility take CR3 from here.
 *
 * <pre>
 * u32 version = 1, u32 size = 440, u64 rax rbx rcx rdx rsi rdi rsp rbp r8 … r15 rip rflags,
 * 10 * { u32 selector, u32 limit, u32 flags, u32 pad, u64 base }: cs ds es fs gs ss ldt tr gdt idt,
 * u64 cr[5], u64 kernel_gs_base
 * </pre>
 *
 * Byte for byte what QEMU's dump-guest-memory writes ({@code target/i386/arch_dump.c}, {@code
 * qemu_get_cpustate}). kernel_gs_base was appended later without a new version number: a descriptor
 * of 432 bytes is as right as one of 440.
 */
public final class QemuCpuState {
  /** Owner of the note. */
  public static final String OWNER = "QEMU";

  /** Type of the note. */
  public static final int TYPE = 0;

  /** Bytes of the descriptor. */
  public static final int BYTES = 440;

  /** Bytes before kernel_gs_base was added. */
  public static final int OLD_BYTES = 432;

  /** Bytes of the whole note. */
  public static final int NOTE_BYTES = ElfNote.HEADER_BYTES + 8 + BYTES;

  private static final int QEMUCPUSTATE_VERSION = 1;
  private static final NoteField VERSION = NoteField.plain("version", 0, 4);
  private static final NoteField SIZE = NoteField.plain("size", 4, 4);

  private static final List<String> GENERAL =
      List.of(
          "rax", "rbx", "rcx", "rdx", "rsi", "rdi", "rsp", "rbp", "r8", "r9", "r10", "r11", "r12",
          "r13", "r14", "r15", "rip", "rflags");

  private static final List<String> SEGMENTS =
      List.of("cs", "ds", "es", "fs", "gs", "ss", "ldt", "tr", "gdt", "idt");

  /** Every field but padding, by offset. */
  public static final List<NoteField> FIELDS = fields();

  private QemuCpuState() {}

  private static List<NoteField> fields() {
    List<NoteField> fields = new ArrayList<>(List.of(VERSION, SIZE));
    int at = 8;
    for (String name : GENERAL) {
      fields.add(NoteField.of(name, name, at, 8));
      at += 8;
    }
    for (String segment : SEGMENTS) {
      boolean table = segment.equals("gdt") || segment.equals("idt"); // base and limit, no more
      fields.add(
          table
              ? NoteField.plain(segment + ".selector", at, 4)
              : NoteField.of(segment + ".selector", segment + ".selector", at, 4));
      fields.add(NoteField.of(segment + ".limit", segment + ".limit", at + 4, 4));
      fields.add(
          table
              ? NoteField.plain(segment + ".flags", at + 8, 4)
              : NoteField.of(segment + ".flags", segment + ".flags", at + 8, 4));
      fields.add(NoteField.of(segment + ".base", segment + ".base", at + 16, 8));
      at += 24;
    }
    for (int i = 0; i < 5; i++) {
      String name = "cr[" + i + "]";
      // There is no CR1; QEMU writes its unused array element.
      fields.add(i == 1 ? NoteField.plain(name, at, 8) : NoteField.of(name, "cr" + i, at, 8));
      at += 8;
    }
    fields.add(NoteField.of("kernel_gs_base", "kernel_gs_base", at, 8));
    return List.copyOf(fields);
  }

  /** The note for {@code cpu}. */
  public static ElfNote encode(X86Cpu cpu) {
    ByteBuffer out = ByteBuffer.allocate(BYTES).order(ByteOrder.LITTLE_ENDIAN);
    VERSION.put(out, QEMUCPUSTATE_VERSION);
    SIZE.put(out, BYTES);
    for (NoteField field : FIELDS) {
      field.register().ifPresent(register -> field.put(out, cpu.get(register)));
    }
    return new ElfNote(OWNER, TYPE, out);
  }

  /**
   * Every field's value, in the order of {@link #FIELDS}; without kernel_gs_base when the
   * descriptor is too old to have it.
   *
   * @throws IllegalArgumentException when the descriptor is shorter than {@link #OLD_BYTES}
   */
  public static List<NoteField.Value> decode(ByteBuffer descriptor) {
    int bytes = descriptor.remaining();
    if (bytes < OLD_BYTES) {
      throw new IllegalArgumentException("QEMU note of %d bytes, expected 440".formatted(bytes));
    }
    return FIELDS.stream()
        .filter(field -> field.fits(bytes))
        .map(field -> field.get(descriptor))
        .toList();
  }
}
