package dev.vmstate.core.debuginfo;

import dev.vmstate.bytes.ByteSource;
import dev.vmstate.bytes.FormatException;
import dev.vmstate.bytes.Span;
import dev.vmstate.bytes.UnsupportedFormatException;
import dev.vmstate.elf.Elf;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * The sections of a little-endian ELF file, of 32 or 64 bits. Source: System V gABI, chapter 4.
 *
 * @param source the file
 * @param wide ELFCLASS64
 * @param all in the order of the file; a symbol's st_shndx counts them
 */
record ElfSections(ByteSource source, boolean wide, List<Section> all) {
  static final int SHT_SYMTAB = 2;
  static final int SHT_NOBITS = 8;
  static final long SHF_EXECINSTR = 4;
  static final long SHF_WRITE = 1;
  static final long SHF_COMPRESSED = 0x800;

  private static final int SHDR32_BYTES = 40;

  /** A kernel has a hundred; an object file with a section for each function some ten thousand. */
  private static final int MOST_SECTIONS = 1 << 17;

  private static final int MOST_NAMES = 16 << 20;

  /** One line of the table. */
  record Section(
      String name, int type, long flags, long address, long offset, long bytes, int link) {
    boolean inFile() {
      return type != SHT_NOBITS;
    }
  }

  static ElfSections of(ByteSource source) throws IOException {
    ByteBuffer header = read(source, "ELF header", 0, Math.min(source.size(), Elf.EHDR_BYTES), 64);
    if (header.remaining() < 52 || header.getInt(0) != Elf.ELFMAG) {
      throw new FormatException(
          source.name(),
          0,
          "not an ELF file: give vmlinux of the debug package, not the vmlinuz that boots");
    }
    if (header.get(5) != Elf.ELFDATA2LSB) {
      throw new UnsupportedFormatException(
          source.name(),
          5,
          "EI_DATA %d, expected 1: x86 is little-endian".formatted(header.get(5)));
    }
    boolean wide = header.get(4) == Elf.ELFCLASS64;
    if (wide && header.remaining() < Elf.EHDR_BYTES) {
      throw new FormatException(source.name(), 0, "the file ends inside its ELF header");
    }
    long at = wide ? header.getLong(0x28) : header.getInt(0x20) & 0xffff_ffffL;
    int entry = header.getShort(wide ? 0x3a : 0x2e) & 0xffff;
    long count = header.getShort(wide ? 0x3c : 0x30) & 0xffff;
    int names = header.getShort(wide ? 0x3e : 0x32) & 0xffff;
    int expected = wide ? Elf.SHDR_BYTES : SHDR32_BYTES;
    if (at == 0 || entry != expected) {
      throw new FormatException(
          source.name(), 0, "no section headers: a vmlinux with debug information has them");
    }
    if (count == 0 || names == 0xffff) { // more than 65279 sections: the first one says how many
      ByteBuffer first = read(source, "section header 0", at, expected, expected);
      count = count == 0 ? word(first, wide, wide ? 0x20 : 0x14) : count;
      names = names == 0xffff ? first.getInt(wide ? 0x28 : 0x18) : names;
    }
    if (count < 0 || count > MOST_SECTIONS) {
      throw new FormatException(
          source.name(), at, "%d section headers, %d at most".formatted(count, MOST_SECTIONS));
    }
    ByteBuffer table =
        read(source, "section headers", at, count * expected, MOST_SECTIONS * Elf.SHDR_BYTES);
    List<Section> raw = new ArrayList<>();
    List<Integer> nameOffsets = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      ByteBuffer of = table.slice(i * expected, expected).order(ByteOrder.LITTLE_ENDIAN);
      nameOffsets.add(of.getInt(0));
      raw.add(
          new Section(
              "",
              of.getInt(4),
              word(of, wide, 8),
              word(of, wide, wide ? 0x10 : 0x0c),
              word(of, wide, wide ? 0x18 : 0x10),
              word(of, wide, wide ? 0x20 : 0x14),
              of.getInt(wide ? 0x28 : 0x18)));
    }
    return new ElfSections(source, wide, named(source, raw, nameOffsets, names));
  }

  private static List<Section> named(
      ByteSource source, List<Section> raw, List<Integer> nameOffsets, int names)
      throws IOException {
    if (names < 0 || names >= raw.size()) {
      throw new FormatException(
          source.name(), 0, "e_shstrndx %d of %d sections".formatted(names, raw.size()));
    }
    Section table = raw.get(names);
    ByteBuffer text = read(source, "section names", table.offset(), table.bytes(), MOST_NAMES);
    List<Section> all = new ArrayList<>();
    for (int i = 0; i < raw.size(); i++) {
      Section of = raw.get(i);
      int from = Math.min(Math.max(nameOffsets.get(i), 0), text.limit());
      int to = from;
      while (to < text.limit() && to - from < 64 && text.get(to) != 0) {
        to++;
      }
      String name = new String(text.array(), from, to - from, StandardCharsets.ISO_8859_1);
      all.add(
          new Section(
              name, of.type(), of.flags(), of.address(), of.offset(), of.bytes(), of.link()));
    }
    return List.copyOf(all);
  }

  private static long word(ByteBuffer in, boolean wide, int at) {
    return wide ? in.getLong(at) : in.getInt(at) & 0xffff_ffffL;
  }

  private static ByteBuffer read(ByteSource source, String what, long offset, long bytes, long most)
      throws IOException {
    check(source, what, offset, bytes);
    if (bytes > most) {
      throw new FormatException(
          source.name(), offset, "%s has 0x%x bytes, 0x%x at most".formatted(what, bytes, most));
    }
    return source.read(new Span(offset, bytes)).order(ByteOrder.LITTLE_ENDIAN);
  }

  private static void check(ByteSource source, String what, long offset, long bytes)
      throws FormatException {
    if (offset < 0 || bytes < 0 || bytes > source.size() || offset > source.size() - bytes) {
      throw new FormatException(
          source.name(),
          Math.max(0, offset),
          "%s at 0x%x+0x%x, file ends at 0x%x (is it cut short?)"
              .formatted(what, offset, bytes, source.size()));
    }
  }

  /** The first section of that name that has bytes in the file. */
  Optional<Section> named(String name) {
    return all.stream().filter(of -> of.name().equals(name) && of.inFile()).findFirst();
  }

  /** What stands in it, decompressed. */
  ByteSource open(Section section) throws IOException {
    check(source, section.name(), section.offset(), section.bytes());
    ByteSource raw = new SectionSource(source, section);
    return (section.flags() & SHF_COMPRESSED) == 0
        ? raw
        : InflatedSection.of(raw, wide, section.name());
  }

  /** All of it at once. */
  byte[] bytes(Section section, long most) throws IOException {
    ByteSource open = open(section);
    if (open.size() > most) {
      throw new FormatException(
          source.name(),
          section.offset(),
          "%s has 0x%x bytes, 0x%x at most".formatted(section.name(), open.size(), most));
    }
    return open.bytes(new Span(0, open.size()));
  }

  /** The bytes that a link-time address has in the file, up to the end of their section. */
  Optional<byte[]> at(long address, int most) throws IOException {
    for (Section of : all) {
      if (of.address() != 0
          && of.inFile()
          && address >= of.address()
          && address - of.address() < of.bytes()) {
        long offset = of.offset() + (address - of.address());
        int bytes = (int) Math.min(most, of.bytes() - (address - of.address()));
        check(source, of.name(), offset, bytes);
        return Optional.of(source.bytes(new Span(offset, bytes)));
      }
    }
    return Optional.empty();
  }
}
