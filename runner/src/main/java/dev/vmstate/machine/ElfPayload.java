package dev.vmstate.machine;

import dev.vmstate.bytes.ByteSource;
import dev.vmstate.bytes.Cursor;
import dev.vmstate.bytes.FormatException;
import dev.vmstate.bytes.OrderedCursor;
import dev.vmstate.bytes.Span;
import dev.vmstate.bytes.UnsupportedFormatException;
import dev.vmstate.elf.Elf;
import java.io.IOException;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * An x86 ELF file as a payload: its PT_LOAD segments go to their physical addresses. It is started
 * as its note {@code XEN_ELFNOTE_PHYS32_ENTRY} says (Xen, xen/include/public/elfnote.h), else by
 * its multiboot header, else at {@code e_entry}, in the mode of its class.
 *
 * <p>{@code e_entry} is virtual: where a segment has that address, it is the physical one of the
 * same byte.
 */
final class ElfPayload {
  private static final int ET_EXEC = 2;
  private static final int ET_DYN = 3;
  private static final int XEN_ELFNOTE_PHYS32_ENTRY = 18;
  private static final int NOTE_HEADER = 12;
  private static final int MOST_NOTES = 1 << 12;

  /** A segment; all numbers are from the file and unsigned. */
  private record Segment(
      int type, long offset, long virtual, long physical, long fileBytes, long memoryBytes) {}

  private final ByteSource file;
  private final boolean wide;
  private final int type;
  private final long entry;
  private final List<Segment> segments;

  private ElfPayload(ByteSource file, boolean wide, int type, long entry, List<Segment> segments) {
    this.file = file;
    this.wide = wide;
    this.type = type;
    this.entry = entry;
    this.segments = segments;
  }

  /**
   * Reads the headers.
   *
   * @param mode starts it at {@code e_entry} in this mode, whatever else it says of itself
   */
  static Payload read(ByteSource file, Optional<BootMode> mode) throws IOException {
    return header(file).payload(mode);
  }

  private static ElfPayload header(ByteSource file) throws IOException {
    String place = file.name() + ": ELF header";
    Cursor cursor = new Cursor(file, place, new Span(0, file.size()));
    OrderedCursor in = new OrderedCursor(cursor, ByteOrder.LITTLE_ENDIAN);
    cursor.skip(4, "magic");
    int elfClass = in.u8("EI_CLASS");
    int data = in.u8("EI_DATA");
    if (elfClass != Elf.ELFCLASS32 && elfClass != Elf.ELFCLASS64 || data != Elf.ELFDATA2LSB) {
      throw new UnsupportedFormatException(
          place, 4, "class %d, byte order %d: no x86 file".formatted(elfClass, data));
    }
    boolean wide = elfClass == Elf.ELFCLASS64;
    cursor.skip(10, "e_ident");
    int type = in.u16("e_type");
    int machine = in.u16("e_machine");
    if (type != ET_EXEC && type != ET_DYN || machine != Elf.EM_386 && machine != Elf.EM_X86_64) {
      throw new UnsupportedFormatException(
          place, 16, "e_type %d, e_machine %d: no x86 program".formatted(type, machine));
    }
    in.u32("e_version");
    long entry = in.word(wide, "e_entry");
    long headers = in.word(wide, "e_phoff");
    in.word(wide, "e_shoff");
    cursor.skip(4 + 2, "e_flags, e_ehsize");
    int size = in.u16("e_phentsize");
    int count = in.u16("e_phnum");
    if (size != (wide ? Elf.PHDR_BYTES : Elf.PHDR32_BYTES)) {
      throw cursor.bad("e_phentsize %d".formatted(size));
    }
    long bytes = (long) size * count;
    if (headers < 0 || headers > file.size() - bytes) {
      throw new FormatException(
          place,
          wide ? 32 : 28,
          "%d program headers at 0x%x, the file ends at 0x%x"
              .formatted(count, headers, file.size()));
    }
    List<Segment> segments = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      segments.add(segment(file, headers + (long) i * size, i, wide));
    }
    return new ElfPayload(file, wide, type, entry, segments);
  }

  private static Segment segment(ByteSource file, long at, int index, boolean wide)
      throws IOException {
    String place = "%s: program header %d".formatted(file.name(), index);
    Cursor cursor = new Cursor(file, place, new Span(at, wide ? Elf.PHDR_BYTES : Elf.PHDR32_BYTES));
    OrderedCursor in = new OrderedCursor(cursor, ByteOrder.LITTLE_ENDIAN);
    int type = (int) in.u32("p_type");
    if (wide) {
      in.u32("p_flags");
    }
    long offset = in.word(wide, "p_offset");
    long virtual = in.word(wide, "p_vaddr");
    long physical = in.word(wide, "p_paddr");
    long fileBytes = in.word(wide, "p_filesz");
    long memoryBytes = in.word(wide, "p_memsz");
    if (type == Elf.PT_LOAD || type == Elf.PT_NOTE) {
      if (offset < 0 || fileBytes < 0 || offset > file.size() - fileBytes) {
        throw new FormatException(
            place,
            at,
            "0x%x bytes at 0x%x, the file ends at 0x%x".formatted(fileBytes, offset, file.size()));
      }
    }
    if (type == Elf.PT_LOAD
        && (memoryBytes < fileBytes || physical < 0 || physical > Long.MAX_VALUE - memoryBytes)) {
      throw new FormatException(
          place,
          at,
          "0x%x bytes of the file are 0x%x bytes at 0x%x of memory"
              .formatted(fileBytes, memoryBytes, physical));
    }
    return new Segment(type, offset, virtual, physical, fileBytes, memoryBytes);
  }

  private Payload payload(Optional<BootMode> mode) throws IOException {
    List<Payload.Piece> pieces = new ArrayList<>();
    for (Segment s : segments) {
      if (s.type == Elf.PT_LOAD && s.memoryBytes > 0) {
        pieces.add(new Payload.Piece(s.physical, s.offset, s.fileBytes, s.memoryBytes));
      }
    }
    if (pieces.isEmpty()) {
      throw new FormatException(
          file.name(), 0, "no segment to be loaded (e_type %d)".formatted(type));
    }
    if (mode.isPresent()) {
      return new Payload(pieces, mode.get(), start(), Payload.Protocol.NONE);
    }
    OptionalLong pvh = pvhEntry();
    if (pvh.isPresent()) {
      return new Payload(pieces, BootMode.PROTECTED32, pvh.getAsLong(), Payload.Protocol.PVH);
    }
    if (MultibootHeader.find(file).isPresent()) {
      return new Payload(pieces, BootMode.PROTECTED32, start(), Payload.Protocol.MULTIBOOT);
    }
    return new Payload(
        pieces, wide ? BootMode.LONG64 : BootMode.PROTECTED32, start(), Payload.Protocol.NONE);
  }

  private long start() {
    for (Segment s : segments) {
      long inside = entry - s.virtual;
      if (s.type == Elf.PT_LOAD && inside >= 0 && inside < s.memoryBytes) {
        return s.physical + inside;
      }
    }
    return entry;
  }

  private OptionalLong pvhEntry() throws IOException {
    for (Segment s : segments) {
      if (s.type != Elf.PT_NOTE) {
        continue;
      }
      long at = s.offset;
      long end = s.offset + s.fileBytes;
      for (int i = 0; i < MOST_NOTES && end - at >= NOTE_HEADER; i++) {
        Cursor cursor = new Cursor(file, file.name() + ": note", new Span(at, end - at));
        OrderedCursor in = new OrderedCursor(cursor, ByteOrder.LITTLE_ENDIAN);
        long nameBytes = in.u32("namesz");
        long bytes = in.u32("descsz");
        long noteType = in.u32("type");
        long padded = padded(nameBytes) + padded(bytes);
        if (padded > cursor.remaining()) {
          // A last note need not be padded; one that is longer than its segment is no note.
          if (padded(nameBytes) + bytes > cursor.remaining()) {
            throw cursor.bad("a note of 0x%x and 0x%x bytes".formatted(nameBytes, bytes));
          }
          padded = cursor.remaining();
        }
        if (noteType == XEN_ELFNOTE_PHYS32_ENTRY && nameBytes == 4 && bytes >= 4) {
          if (cursor.text(4, "name").equals("Xen\0")) {
            return OptionalLong.of(in.u32("entry"));
          }
        }
        at += NOTE_HEADER + padded;
      }
    }
    return OptionalLong.empty();
  }

  private static long padded(long length) {
    return length + 3 & ~3L;
  }
}
