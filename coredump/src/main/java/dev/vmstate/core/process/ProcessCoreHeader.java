package dev.vmstate.core.process;

import dev.vmstate.elf.Elf;
import dev.vmstate.elf.ElfNote;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;
import java.util.Optional;

/**
 * The ELF header of a process's core, its program headers and notes: ELF64 for EM_X86_64, ELF32 for
 * EM_386. With 65535 program headers or more their number is in the only section header, at the end
 * of the file (PN_XNUM). Source: {@code fs/binfmt_elf.c}, fill_elf_header, fill_extnum_info.
 */
final class ProcessCoreHeader {
  private static final int PAGE = 4096;

  /** Bytes of an ELF header and a section header in a 32-bit file. */
  private static final int EHDR32_BYTES = 52;

  private static final int SHDR32_BYTES = 40;

  private final boolean narrow;
  private final int count;
  private final List<ElfNote> notes;
  private final int noteBytes;

  /**
   * For so many segments.
   *
   * @param narrow whether ELF32
   */
  ProcessCoreHeader(boolean narrow, int segments, List<ElfNote> notes) {
    this.narrow = narrow;
    this.count = segments + 1;
    this.notes = notes;
    this.noteBytes = Math.toIntExact(notes.stream().mapToLong(ElfNote::bytes).sum());
  }

  private int ehdrBytes() {
    return narrow ? EHDR32_BYTES : Elf.EHDR_BYTES;
  }

  private int phdrBytes() {
    return narrow ? Elf.PHDR32_BYTES : Elf.PHDR_BYTES;
  }

  private int shdrBytes() {
    return narrow ? SHDR32_BYTES : Elf.SHDR_BYTES;
  }

  private boolean many() {
    return count >= Elf.PN_XNUM;
  }

  private int notesAt() {
    return Math.toIntExact(ehdrBytes() + (long) count * phdrBytes());
  }

  /** Where the first segment's bytes are. */
  long dataStart() {
    return (long) notesAt() + noteBytes + PAGE - 1 & -PAGE;
  }

  /** Bytes behind those of the last segment. */
  long tailBytes() {
    return many() ? shdrBytes() : 0;
  }

  /** The section header, if one is needed. */
  Optional<ByteBuffer> tail() {
    if (!many()) {
      return Optional.empty();
    }
    ByteBuffer out = ByteBuffer.allocate(shdrBytes()).order(ByteOrder.LITTLE_ENDIAN);
    out.putInt(narrow ? 20 : 32, 1); // sh_size: e_shnum
    out.putInt(narrow ? 28 : 44, count); // sh_info: e_phnum
    return Optional.of(out);
  }

  /**
   * Everything up to the first segment.
   *
   * @param end of the last segment's bytes
   * @throws IOException when an ELF32 file would be too large
   */
  ByteBuffer encode(List<CoreSegment> segments, long end) throws IOException {
    if (narrow && end + tailBytes() > 0xffff_ffffL) {
      throw new IOException(
          "a core of 0x%x bytes is none for a 32-bit process; --filter guest leaves parts out"
              .formatted(end));
    }
    ByteBuffer out =
        ByteBuffer.allocate(Math.addExact(notesAt(), noteBytes)).order(ByteOrder.LITTLE_ENDIAN);
    out.putInt(Elf.ELFMAG)
        .put((byte) (narrow ? Elf.ELFCLASS32 : Elf.ELFCLASS64))
        .put((byte) Elf.ELFDATA2LSB)
        .put((byte) Elf.EV_CURRENT)
        .position(16);
    out.putShort((short) Elf.ET_CORE)
        .putShort((short) (narrow ? Elf.EM_386 : Elf.EM_X86_64))
        .putInt(Elf.EV_CURRENT);
    word(out, 0); // e_entry
    word(out, ehdrBytes()); // e_phoff
    word(out, many() ? end : 0); // e_shoff
    out.putInt(0) // e_flags
        .putShort((short) ehdrBytes())
        .putShort((short) phdrBytes())
        .putShort((short) (many() ? Elf.PN_XNUM : count))
        .putShort((short) (many() ? shdrBytes() : 0))
        .putShort((short) (many() ? 1 : 0))
        .putShort((short) 0); // e_shstrndx
    program(out, Elf.PT_NOTE, 0, new long[] {notesAt(), 0, noteBytes, 0}, 4);
    for (CoreSegment segment : segments) {
      program(
          out,
          Elf.PT_LOAD,
          segment.vma().programFlags(),
          new long[] {segment.fileOffset(), segment.start(), segment.fileBytes(), segment.bytes()},
          PAGE);
    }
    notes.forEach(note -> note.encode(out));
    return out.flip();
  }

  private void word(ByteBuffer out, long value) {
    if (narrow) {
      out.putInt((int) value);
    } else {
      out.putLong(value);
    }
  }

  /** {@code place}: p_offset, p_vaddr, p_filesz, p_memsz. */
  private void program(ByteBuffer out, int type, int flags, long[] place, int align) {
    out.putInt(type);
    if (!narrow) {
      out.putInt(flags);
    }
    word(out, place[0]);
    word(out, place[1]);
    word(out, 0); // p_paddr
    word(out, place[2]);
    word(out, place[3]);
    if (narrow) {
      out.putInt(flags);
    }
    word(out, align);
  }
}
