package dev.vmstate.elf;

import dev.vmstate.cpu.X86Cpu;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * NT_PRSTATUS of owner CORE: what debuggers show as a thread.
 *
 * <pre>
 * x86-64: u32 pid @32 (CPU index + 1); user_regs_struct @112: 27 * u64; 336 bytes
 * i386:   u32 pid @24; user_regs_struct @72: 17 * u32; 144 bytes; all other bytes zero
 * </pre>
 *
 * Byte for byte what QEMU's dump-guest-memory writes ({@code target/i386/arch_dump.c}, {@code
 * x86_64_write_elf64_note} and {@code x86_write_elf64_note}): no signal, no times, pr_fpvalid 0.
 *
 * <p>QEMU writes the i386 form, and EM_386, whenever the first CPU is not in long mode. gdb takes
 * that for an i386 program: 64-bit virtual addresses are cut to 32 bits, and a guest that happened
 * to be in its BIOS or in a 32-bit boot loader stays a 32-bit one. So our own cores have it only
 * for a guest whose kernel is a 32-bit one; elsewhere the 64-bit registers hold the 32-bit ones,
 * and {@code set architecture i386} or {@code i8086} in gdb changes how it disassembles.
 */
public final class PrStatus {
  /** Owner of the note. */
  public static final String OWNER = "CORE";

  /** Type of the note. */
  public static final int NT_PRSTATUS = Elf.NT_PRSTATUS;

  /** Bytes of the descriptor. */
  public static final int BYTES = 336;

  /** Bytes of the descriptor in a core for i386. */
  public static final int I386_BYTES = 144;

  /** Bytes of the whole note. */
  public static final int NOTE_BYTES = ElfNote.HEADER_BYTES + 8 + BYTES;

  /** user_regs_struct, in order; the first 21 are the kernel's pt_regs. */
  public static final List<String> NAMES =
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

  /** The same of i386. */
  private static final List<String> I386_NAMES =
      List.of(
          "ebx",
          "ecx",
          "edx",
          "esi",
          "edi",
          "ebp",
          "eax",
          "ds",
          "es",
          "fs",
          "gs",
          "orig_eax",
          "eip",
          "cs",
          "eflags",
          "esp",
          "ss");

  /** Every field that is not constant, by offset. */
  public static final List<NoteField> FIELDS = fields(NAMES, 32, 112, 8);

  /** The same of the i386 form. */
  public static final List<NoteField> I386_FIELDS = fields(I386_NAMES, 24, 72, 4);

  private PrStatus() {}

  private static List<NoteField> fields(List<String> names, int pid, int registers, int bytes) {
    List<NoteField> fields = new ArrayList<>();
    fields.add(NoteField.plain("pid", pid, 4));
    int at = registers;
    for (String name : names) {
      Optional<String> register =
          switch (name) {
            case "orig_rax", "orig_eax" ->
                Optional.empty(); // QEMU writes 0: there is no system call to restart
            case "eflags" -> Optional.of("rflags");
            case "fs_base" -> Optional.of("fs.base");
            case "gs_base" -> Optional.of("gs.base");
            case "cs", "ss", "ds", "es", "fs", "gs" -> Optional.of(name + ".selector");
            default -> Optional.of(name.replaceFirst("^e", "r"));
          };
      fields.add(new NoteField(name, register, at, bytes));
      at += bytes;
    }
    return List.copyOf(fields);
  }

  /** The note for {@code cpu}. */
  public static ElfNote encode(X86Cpu cpu) {
    return encode(cpu, BYTES, FIELDS);
  }

  /** The note for {@code cpu} in a core for i386: the lower halves of its registers. */
  public static ElfNote encodeI386(X86Cpu cpu) {
    return encode(cpu, I386_BYTES, I386_FIELDS);
  }

  private static ElfNote encode(X86Cpu cpu, int bytes, List<NoteField> fields) {
    ByteBuffer out = ByteBuffer.allocate(bytes).order(ByteOrder.LITTLE_ENDIAN);
    fields.get(0).put(out, cpu.index() + 1L);
    for (NoteField field : fields) {
      field.register().ifPresent(register -> field.put(out, cpu.get(register)));
    }
    return new ElfNote(OWNER, NT_PRSTATUS, out);
  }

  /** Whether a descriptor of that length is one of the two forms. */
  public static boolean isForm(long bytes) {
    return bytes == BYTES || bytes == I386_BYTES;
  }

  /**
   * Every field's value, in the order of {@link #FIELDS} or {@link #I386_FIELDS}.
   *
   * @throws IllegalArgumentException when the descriptor has neither's length
   */
  public static List<NoteField.Value> decode(ByteBuffer descriptor) {
    int bytes = descriptor.remaining();
    if (!isForm(bytes)) {
      throw new IllegalArgumentException(
          "NT_PRSTATUS of %d bytes, expected 336 or 144".formatted(bytes));
    }
    List<NoteField> fields = bytes == BYTES ? FIELDS : I386_FIELDS;
    return fields.stream().map(field -> field.get(descriptor)).toList();
  }
}
