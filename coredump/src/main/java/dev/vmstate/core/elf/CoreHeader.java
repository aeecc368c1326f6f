package dev.vmstate.core.elf;

import dev.vmstate.cpu.X86Cpu;
import dev.vmstate.elf.Elf;
import dev.vmstate.elf.ElfNote;
import dev.vmstate.elf.LoadSegment;
import dev.vmstate.elf.PrStatus;
import dev.vmstate.elf.QemuCpuState;
import dev.vmstate.elf.VectorNotes;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;

/**
 * The start of a core file: ELF header, program headers, notes.
 *
 * <pre>
 * Header ::= Ehdr(64), Phdr PT_NOTE(56), Phdr PT_LOAD(56)*, note*   (all little-endian)
 * </pre>
 *
 * ELF64, ET_CORE, EM_X86_64 whatever mode the CPUs are in; EM_386 and its notes for a guest with a
 * 32-bit kernel, see {@link PrStatus}. No section headers. p_filesz equals p_memsz everywhere: a
 * zero page is a hole of the sparse file, not of the core. crash 8 reads everything before the
 * lowest p_offset as the header ({@code netdump.c}, resize_elf_header), so all notes are there;
 * PT_LOADs need no order by offset. Source: System V gABI; QEMU {@code dump/dump.c}, whose e_ehsize
 * of 8 is not copied.
 */
public final class CoreHeader {
  private CoreHeader() {}

  /** Notes as QEMU orders them: NT_PRSTATUS of every CPU, then the QEMU note of every CPU. */
  public static List<ElfNote> cpuNotes(List<X86Cpu> cpus) {
    return cpuNotes(cpus, Elf.EM_X86_64);
  }

  /**
   * The same for a core of that machine.
   *
   * @param machine {@link Elf#EM_X86_64} or {@link Elf#EM_386}
   */
  public static List<ElfNote> cpuNotes(List<X86Cpu> cpus, int machine) {
    List<ElfNote> notes = new ArrayList<>();
    cpus.forEach(cpu -> notes.add(status(cpu, machine)));
    cpus.forEach(cpu -> notes.add(QemuCpuState.encode(cpu)));
    return notes;
  }

  /**
   * The same, and behind each NT_PRSTATUS the notes with the CPU's x87 and vector registers: that
   * is where a debugger looks for those of a thread. Machines with hundreds of CPUs go without.
   * NT_PRFPREG of i386 is another structure, and NT_X86_XSTATE says all it could.
   */
  public static List<ElfNote> cpuNotesWithVectors(List<X86Cpu> cpus, int machine) {
    if (cpus.size() > CoreLayout.VECTOR_CPUS) {
      return cpuNotes(cpus, machine);
    }
    List<List<ElfNote>> vectors = cpus.stream().map(VectorNotes::encode).toList();
    long bytes = vectors.stream().flatMap(List::stream).mapToLong(ElfNote::bytes).sum();
    if (bytes > CoreLayout.VECTOR_NOTES) {
      return cpuNotes(cpus, machine);
    }
    List<ElfNote> notes = new ArrayList<>();
    for (int i = 0; i < cpus.size(); i++) {
      notes.add(status(cpus.get(i), machine));
      for (ElfNote vector : vectors.get(i)) {
        if (machine == Elf.EM_X86_64 || vector.type() == VectorNotes.NT_X86_XSTATE) {
          notes.add(vector);
        }
      }
    }
    cpus.forEach(cpu -> notes.add(QemuCpuState.encode(cpu)));
    return notes;
  }

  private static ElfNote status(X86Cpu cpu, int machine) {
    return machine == Elf.EM_386 ? PrStatus.encodeI386(cpu) : PrStatus.encode(cpu);
  }

  /**
   * The bytes to write at offset 0 of the file; what is left of the header area stays a hole.
   *
   * @param notes {@link #cpuNotes} and then any other, e.g. VMCOREINFO
   * @throws IllegalArgumentException when it all does not fit the layout's header area
   */
  public static ByteBuffer encode(CoreLayout layout, LoadPlan plan, List<ElfNote> notes) {
    return encode(layout, plan, notes, Elf.EM_X86_64);
  }

  /**
   * The same for a core of that machine.
   *
   * @param machine {@link Elf#EM_X86_64} or {@link Elf#EM_386}
   */
  public static ByteBuffer encode(
      CoreLayout layout, LoadPlan plan, List<ElfNote> notes, int machine) {
    List<LoadSegment> loads = plan.loads();
    long notesAt = Elf.EHDR_BYTES + (loads.size() + 1L) * Elf.PHDR_BYTES;
    long noteBytes = notes.stream().mapToLong(ElfNote::bytes).sum();
    if (loads.size() > layout.maxLoads() || notesAt + noteBytes > layout.headerBytes()) {
      throw new IllegalArgumentException(
          "%d program headers and %d bytes of notes do not fit the header area of 0x%x bytes"
              .formatted(loads.size() + 1, noteBytes, layout.headerBytes()));
    }
    ByteBuffer out =
        ByteBuffer.allocate((int) (notesAt + noteBytes)).order(ByteOrder.LITTLE_ENDIAN);
    out.putInt(Elf.ELFMAG)
        .put((byte) Elf.ELFCLASS64)
        .put((byte) Elf.ELFDATA2LSB)
        .put((byte) Elf.EV_CURRENT)
        .position(16); // e_ident ends: ELFOSABI_NONE, padding
    out.putShort((short) Elf.ET_CORE)
        .putShort((short) machine)
        .putInt(Elf.EV_CURRENT)
        .putLong(0) // e_entry
        .putLong(Elf.EHDR_BYTES) // e_phoff
        .putLong(0) // e_shoff
        .putInt(0) // e_flags
        .putShort((short) Elf.EHDR_BYTES)
        .putShort((short) Elf.PHDR_BYTES)
        .putShort((short) (loads.size() + 1))
        .putShort((short) 0) // e_shentsize
        .putShort((short) 0) // e_shnum
        .putShort((short) 0); // e_shstrndx
    program(out, Elf.PT_NOTE, new LoadSegment(0, 0, notesAt, noteBytes, noteBytes, 0));
    loads.forEach(load -> program(out, Elf.PT_LOAD, load));
    notes.forEach(note -> note.encode(out));
    return out.flip();
  }

  private static void program(ByteBuffer out, int type, LoadSegment segment) {
    out.putInt(type)
        .putInt(segment.flags())
        .putLong(segment.fileOffset())
        .putLong(segment.virtual())
        .putLong(segment.physical())
        .putLong(segment.fileBytes())
        .putLong(segment.memoryBytes())
        .putLong(0); // p_align: none
  }
}
