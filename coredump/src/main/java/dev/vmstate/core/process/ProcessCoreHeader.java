package dev.vmstate.core.process;

import dev.vmstate.elf.Elf;
import dev.vmstate.elf.ElfNote;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;
import java.util.Optional;

/**
 * The ELF64 header of a process's core, its program headers and notes. With 65535 program headers
 * or more their number is in the only section header, at the end of the file (PN_XNUM). Source:
 * {@code fs/binfmt_elf.c}, fill_elf_header, fill_extnum_info.
 */
final class ProcessCoreHeader {
  private static final int PAGE = 4096;

  private ProcessCoreHeader() {}

  private static int noteBytes(List<ElfNote> notes) {
    return Math.toIntExact(notes.stream().mapToLong(ElfNote::bytes).sum());
  }

  /** Where the first segment's bytes are. */
  static long dataStart(int segments, List<ElfNote> notes) {
    long header = Elf.EHDR_BYTES + (segments + 1L) * Elf.PHDR_BYTES + noteBytes(notes);
    return header + PAGE - 1 & -PAGE;
  }

  static long tailBytes(int segments) {
    return segments + 1 >= Elf.PN_XNUM ? Elf.SHDR_BYTES : 0;
  }

  /** The section header, if one is needed. */
  static Optional<ByteBuffer> tail(int segments) {
    if (tailBytes(segments) == 0) {
      return Optional.empty();
    }
    ByteBuffer out = ByteBuffer.allocate(Elf.SHDR_BYTES).order(ByteOrder.LITTLE_ENDIAN);
    out.putLong(32, 1); // sh_size: e_shnum
    out.putInt(44, segments + 1); // sh_info: e_phnum
    return Optional.of(out);
  }

  /** {@code end}: of the last segment's bytes. */
  static ByteBuffer encode(List<CoreSegment> segments, List<ElfNote> notes, long end) {
    int count = segments.size() + 1;
    boolean many = count >= Elf.PN_XNUM;
    int notesAt = Math.toIntExact(Elf.EHDR_BYTES + (long) count * Elf.PHDR_BYTES);
    int noteBytes = noteBytes(notes);
    ByteBuffer out =
        ByteBuffer.allocate(Math.addExact(notesAt, noteBytes)).order(ByteOrder.LITTLE_ENDIAN);
    out.putInt(Elf.ELFMAG)
        .put((byte) Elf.ELFCLASS64)
        .put((byte) Elf.ELFDATA2LSB)
        .put((byte) Elf.EV_CURRENT)
        .position(16);
    out.putShort((short) Elf.ET_CORE)
        .putShort((short) Elf.EM_X86_64)
        .putInt(Elf.EV_CURRENT)
        .putLong(0) // e_entry
        .putLong(Elf.EHDR_BYTES) // e_phoff
        .putLong(many ? end : 0) // e_shoff
        .putInt(0) // e_flags
        .putShort((short) Elf.EHDR_BYTES)
        .putShort((short) Elf.PHDR_BYTES)
        .putShort((short) (many ? Elf.PN_XNUM : count))
        .putShort((short) (many ? Elf.SHDR_BYTES : 0))
        .putShort((short) (many ? 1 : 0))
        .putShort((short) 0); // e_shstrndx
    program(out, Elf.PT_NOTE, 0, notesAt, 0, noteBytes, 0, 4);
    for (CoreSegment segment : segments) {
      program(
          out,
          Elf.PT_LOAD,
          segment.vma().programFlags(),
          segment.fileOffset(),
          segment.start(),
          segment.fileBytes(),
          segment.bytes(),
          PAGE);
    }
    notes.forEach(note -> note.encode(out));
    return out.flip();
  }

  private static void program(
      ByteBuffer out,
      int type,
      int flags,
      long offset,
      long virtual,
      long fileBytes,
      long bytes,
      int align) {
    out.putInt(type)
        .putInt(flags)
        .putLong(offset)
        .putLong(virtual)
        .putLong(0) // p_paddr
        .putLong(fileBytes)
        .putLong(bytes)
        .putLong(align);
  }
}
