package dev.vmstate.elf;

import dev.vmstate.bytes.ByteSource;
import dev.vmstate.bytes.Cursor;
import dev.vmstate.bytes.FormatException;
import dev.vmstate.bytes.OrderedCursor;
import dev.vmstate.bytes.Span;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;

/**
 * The build ID of an ELF file that was linked, a vmlinux say: NT_GNU_BUILD_ID among the notes of
 * any SHT_NOTE section. Two files with the same one come from the same link, with or without debug
 * information. Source: System V gABI; GNU ld, {@code --build-id}.
 */
public final class BuildId {
  private static final int SHT_NOTE = 7;
  private static final int NT_GNU_BUILD_ID = 3;
  private static final int SHDR32_BYTES = 40;
  private static final int MOST_BYTES = 64;

  private BuildId() {}

  /**
   * In hexadecimal; empty when the file has none.
   *
   * @throws FormatException when it is no ELF file, or cut short
   */
  public static Optional<String> of(ByteSource source) throws IOException {
    Cursor start = new Cursor(source, source.name(), new Span(0, source.size()));
    if (new OrderedCursor(start, ByteOrder.LITTLE_ENDIAN).u32("e_ident magic") != Elf.ELFMAG) {
      throw start.bad(
          "not an ELF file: give vmlinux of the debug package, not the vmlinuz that boots");
    }
    boolean wide = start.u8("EI_CLASS") == Elf.ELFCLASS64;
    boolean little = start.u8("EI_DATA") == Elf.ELFDATA2LSB;
    ByteOrder order = little ? ByteOrder.LITTLE_ENDIAN : ByteOrder.BIG_ENDIAN;
    OrderedCursor in = new OrderedCursor(start, order);
    start.skip(10 + 2 + 2 + 4, "e_ident, e_type, e_machine, e_version");
    in.word(wide, "e_entry");
    in.word(wide, "e_phoff");
    long sections = in.word(wide, "e_shoff");
    start.skip(4 + 2 + 2 + 2, "e_flags, e_ehsize, e_phentsize, e_phnum");
    int entryBytes = in.u16("e_shentsize");
    int count = in.u16("e_shnum");
    if (count == 0 || entryBytes != (wide ? Elf.SHDR_BYTES : SHDR32_BYTES)) {
      return Optional.empty();
    }
    Cursor table = part(source, "section headers", sections, (long) count * entryBytes);
    for (int i = 0; i < count; i++) {
      Optional<Span> notes = notes(new OrderedCursor(table, order), wide);
      Optional<String> id = notes.isEmpty() ? Optional.empty() : of(source, notes.get(), order);
      if (id.isPresent()) {
        return id;
      }
    }
    return Optional.empty();
  }

  private static Optional<Span> notes(OrderedCursor in, boolean wide) throws IOException {
    in.u32("sh_name");
    long type = in.u32("sh_type");
    in.word(wide, "sh_flags");
    in.word(wide, "sh_addr");
    long offset = in.word(wide, "sh_offset");
    long bytes = in.word(wide, "sh_size");
    in.in().skip(wide ? 8 + 16 : 8 + 8, "sh_link to sh_entsize");
    return type == SHT_NOTE && offset >= 0 && bytes >= 0
        ? Optional.of(new Span(offset, bytes))
        : Optional.empty();
  }

  private static Optional<String> of(ByteSource source, Span where, ByteOrder order)
      throws IOException {
    part(source, "notes", where.offset(), where.length());
    List<CoreNote> notes = new ArrayList<>();
    CoreNote.decode(source, source.name() + ": notes", where, order, notes);
    for (CoreNote note : notes) {
      if (note.is("GNU", NT_GNU_BUILD_ID) && note.descriptor().length() <= MOST_BYTES) {
        ByteBuffer descriptor = source.read(note.descriptor());
        byte[] id = new byte[descriptor.remaining()];
        descriptor.get(id);
        return Optional.of(HexFormat.of().formatHex(id));
      }
    }
    return Optional.empty();
  }

  private static Cursor part(ByteSource source, String what, long offset, long bytes)
      throws FormatException {
    if (offset < 0 || bytes < 0 || offset > source.size() - bytes) {
      throw new FormatException(
          source.name(),
          0,
          "%s at 0x%x+0x%x, file ends at 0x%x".formatted(what, offset, bytes, source.size()));
    }
    return new Cursor(source, source.name() + ": " + what, new Span(offset, bytes));
  }
}
