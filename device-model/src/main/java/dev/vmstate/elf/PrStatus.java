package dev.vmstate.elf;

import dev.vmstate.cpu.X86Cpu;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * NT_PRSTATUS of owner CORE, x86-64: what debuggers show as a thread.
 *
 * <pre>
 * u32 pid @32 (CPU index + 1); user_regs_struct @112: 27 * u64; all other bytes zero; 336 bytes
 * </pre>
 *
 * Byte for byte what QEMU's dump-guest-memory writes ({@code target/i386/arch_dump.c}, {@code
 * x86_64_write_elf64_note}): no signal, no times, pr_fpvalid 0 because no FPU note follows.
 *
 * <p>Always the 64-bit form. For a guest whose first CPU is not in long mode QEMU writes EM_386 and
 * 144-byte i386 notes, in an ELF64 file when RAM goes beyond 4 GiB. gdb 13 takes that for an i386
 * program: RAM above 4 GiB is out of its reach, 64-bit virtual addresses are cut to 32 bits, and a
 * guest that happened to be in its BIOS or in a 32-bit boot loader stays a 32-bit one. Here the
 * 64-bit registers hold the 32-bit ones; {@code set architecture i386} or {@code i8086} in gdb
 * changes how it disassembles.
 */
public final class PrStatus {
  /** Owner of the note. */
  public static final String OWNER = "CORE";

  /** Type of the note. */
  public static final int NT_PRSTATUS = Elf.NT_PRSTATUS;

  /** Bytes of the descriptor. */
  public static final int BYTES = 336;

  /** Bytes of the whole note. */
  public static final int NOTE_BYTES = ElfNote.HEADER_BYTES + 8 + BYTES;

  /** user_regs_struct, in order. */
  private static final List<String> NAMES =
      List.of(
          "r15",
          "r14",
          "r13",
          "r12",
          "rbp",
          "rbx",
          "r11",
          "r10",
          "r9",
          "r8",
          "rax",
          "rcx",
          "rdx",
          "rsi",
          "rdi",
          "orig_rax",
          "rip",
          "cs",
          "eflags",
          "rsp",
          "ss",
          "fs_base",
          "gs_base",
          "ds",
          "es",
          "fs",
          "gs");

  /** Every field that is not constant, by offset. */
  public static final List<NoteField> FIELDS = fields();

  private static final NoteField PID = FIELDS.get(0);

  private PrStatus() {}

  private static List<NoteField> fields() {
    List<NoteField> fields = new ArrayList<>();
    fields.add(NoteField.plain("pid", 32, 4));
    int at = 112;
    for (String name : NAMES) {
      Optional<String> register =
          switch (name) {
            case "orig_rax" ->
                Optional.empty(); // QEMU writes 0: there is no system call to restart
            case "eflags" -> Optional.of("rflags");
            case "fs_base" -> Optional.of("fs.base");
            case "gs_base" -> Optional.of("gs.base");
            case "cs", "ss", "ds", "es", "fs", "gs" -> Optional.of(name + ".selector");
            default -> Optional.of(name);
          };
      fields.add(new NoteField(name, register, at, 8));
      at += 8;
    }
    return List.copyOf(fields);
  }

  /** The note for {@code cpu}. */
  public static ElfNote encode(X86Cpu cpu) {
    ByteBuffer out = ByteBuffer.allocate(BYTES).order(ByteOrder.LITTLE_ENDIAN);
    PID.put(out, cpu.index() + 1L);
    for (NoteField field : FIELDS) {
      field.register().ifPresent(register -> field.put(out, cpu.get(register)));
    }
    return new ElfNote(OWNER, NT_PRSTATUS, out);
  }

  /**
   * Every field's value, in the order of {@link #FIELDS}.
   *
   * @throws IllegalArgumentException when the descriptor has not {@link #BYTES} bytes
   */
  public static List<NoteField.Value> decode(ByteBuffer descriptor) {
    if (descriptor.remaining() != BYTES) {
      throw new IllegalArgumentException(
          "NT_PRSTATUS of %d bytes, expected 336".formatted(descriptor.remaining()));
    }
    return FIELDS.stream().map(field -> field.get(descriptor)).toList();
  }
}
