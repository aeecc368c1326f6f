package dev.vmstate.elf;

import dev.vmstate.bytes.ByteSource;
import dev.vmstate.bytes.Cursor;
import dev.vmstate.bytes.FormatException;
import dev.vmstate.bytes.OrderedCursor;
import dev.vmstate.bytes.Span;
import dev.vmstate.bytes.UnsupportedFormatException;
import java.io.IOException;
import java.nio.ByteOrder;

/**
 * What the header of an ELF core says.
 *
 * <pre>
 * Ehdr ::= e_ident(16), u16 e_type, u16 e_machine, u32 e_version, word e_entry, word e_phoff,
 *          word e_shoff, u32 e_flags, u16 e_ehsize, u16 e_phentsize, u16 e_phnum, …
 * word ::= u32 in a 32-bit file, u64 in a 64-bit one
 * </pre>
 *
 * <p>QEMU 7.2 to 11.1 write e_ehsize 8 (5.2 wrote 64): it is ignored. More than 65534 program
 * headers are counted in section header 0 (PN_XNUM).
 *
 * @param wide ELFCLASS64
 * @param order of all values of the file
 * @param machine e_machine
 * @param programHeaders where they start
 * @param programCount how many there are
 */
record ElfHeader(
    boolean wide, ByteOrder order, int machine, long programHeaders, long programCount) {
  /** More program headers than any dump tool writes; a sparse file could claim millions. */
  private static final long MAX_PROGRAM_HEADERS = 1 << 20;

  /**
   * Reads it.
   *
   * @throws UnsupportedFormatException for a right ELF file that is no core
   */
  static ElfHeader decode(ByteSource source) throws IOException {
    String place = source.name() + ": ELF header";
    Cursor start = new Cursor(source, place, new Span(0, source.size()));
    OrderedCursor magic = new OrderedCursor(start, ByteOrder.LITTLE_ENDIAN);
    if (magic.u32("e_ident magic") != Elf.ELFMAG) {
      throw start.bad("not an ELF file");
    }
    boolean wide = oneOf(start, place, "EI_CLASS", Elf.ELFCLASS64, Elf.ELFCLASS32);
    boolean little = oneOf(start, place, "EI_DATA", Elf.ELFDATA2LSB, Elf.ELFDATA2MSB);
    OrderedCursor in =
        new OrderedCursor(start, little ? ByteOrder.LITTLE_ENDIAN : ByteOrder.BIG_ENDIAN);
    start.skip(10, "e_ident");
    int type = in.u16("e_type");
    if (type != Elf.ET_CORE) {
      throw new UnsupportedFormatException(
          place, 16, "e_type %d, expected 4 (core)".formatted(type));
    }
    int machine = in.u16("e_machine");
    in.u32("e_version");
    in.word(wide, "e_entry");
    long programHeaders = in.word(wide, "e_phoff");
    long sectionHeaders = in.word(wide, "e_shoff");
    start.skip(4 + 2, "e_flags, e_ehsize");
    int entryBytes = in.u16("e_phentsize");
    int expected = wide ? Elf.PHDR_BYTES : Elf.PHDR32_BYTES;
    if (entryBytes != expected) {
      throw start.bad("e_phentsize %d, expected %d".formatted(entryBytes, expected));
    }
    long count = in.u16("e_phnum");
    if (count == Elf.PN_XNUM) {
      Cursor section = at(source, "section header 0", sectionHeaders);
      section.skip(wide ? 44 : 28, "sh_name to sh_link");
      count = new OrderedCursor(section, in.order()).u32("sh_info");
    }
    if (count > MAX_PROGRAM_HEADERS) {
      throw new UnsupportedFormatException(
          source.name(), programHeaders, count + " program headers; a million is the limit here");
    }
    return new ElfHeader(wide, in.order(), machine, programHeaders, count);
  }

  /** Whether the next byte is {@code yes}, not {@code no}. */
  private static boolean oneOf(Cursor in, String place, String field, int yes, int no)
      throws IOException {
    long at = in.position();
    int value = in.u8(field);
    if (value != yes && value != no) {
      throw new UnsupportedFormatException(
          place, at, "%s %d, expected 1 or 2".formatted(field, value));
    }
    return value == yes;
  }

  private static Cursor at(ByteSource source, String part, long offset) throws FormatException {
    if (offset < 0 || offset > source.size()) {
      throw new FormatException(
          source.name(), 0, "%s at 0x%x, file ends at 0x%x".formatted(part, offset, source.size()));
    }
    return new Cursor(
        source, source.name() + ": " + part, new Span(offset, source.size() - offset));
  }

  /** The program headers, bounded. */
  Cursor table(ByteSource source) throws IOException {
    return at(source, "program headers", programHeaders)
        .slice(
            programCount * (wide ? Elf.PHDR_BYTES : Elf.PHDR32_BYTES), "table of " + programCount);
  }
}
