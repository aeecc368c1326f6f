package dev.vmstate.elf;

import dev.vmstate.bytes.ByteSource;
import dev.vmstate.bytes.Cursor;
import dev.vmstate.bytes.FormatException;
import dev.vmstate.bytes.Span;
import dev.vmstate.bytes.UnsupportedFormatException;
import dev.vmstate.bytes.WindowedSource;
import dev.vmstate.memory.UnmappedAddressException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;

/**
 * An ELF64 little-endian x86-64 core of a whole machine, opened: ours or QEMU's own
 * dump-guest-memory. The file is untrusted; every length is checked before it is used.
 *
 * <p>QEMU 7.2 to 11.1 write e_ehsize 8 (5.2 wrote 64): it is ignored. More than 65534 program
 * headers are counted in section header 0 (PN_XNUM).
 */
public final class CoreFile {
  /** More program headers than any dump tool writes; a sparse file could claim millions. */
  private static final long MAX_PROGRAM_HEADERS = 1 << 20;

  private static final long MAX_NOTE_BYTES = 16 << 20;

  private final ByteSource source;
  private final List<LoadSegment> loads;
  private final List<CoreNote> notes;
  private final PhysicalSegments physical;

  private CoreFile(ByteSource source, List<LoadSegment> loads, List<CoreNote> notes) {
    this.source = source;
    this.loads = List.copyOf(loads);
    this.notes = List.copyOf(notes);
    this.physical = PhysicalSegments.of(this.loads);
  }

  /**
   * Reads headers and notes, no memory.
   *
   * @throws UnsupportedFormatException for a right ELF file that is no x86-64 core
   * @throws FormatException when a header is wrong or the file is cut short
   */
  public static CoreFile open(ByteSource source) throws IOException {
    ByteSource windowed = new WindowedSource(source, 1 << 16);
    Cursor start = new Cursor(windowed, source.name() + ": ELF header", whole(source));
    LittleEndian header = new LittleEndian(start);
    if (header.u32("e_ident magic") != Elf.ELFMAG) {
      throw start.bad("not an ELF file");
    }
    expect(start, "EI_CLASS", header.u8("EI_CLASS"), Elf.ELFCLASS64, "64-bit");
    expect(start, "EI_DATA", header.u8("EI_DATA"), Elf.ELFDATA2LSB, "little-endian");
    start.skip(10, "e_ident");
    expect(start, "e_type", header.u16("e_type"), Elf.ET_CORE, "core");
    expect(start, "e_machine", header.u16("e_machine"), Elf.EM_X86_64, "x86-64");
    start.skip(4 + 8, "e_version, e_entry");
    long programHeaders = header.u64("e_phoff");
    long sectionHeaders = header.u64("e_shoff");
    start.skip(4 + 2, "e_flags, e_ehsize");
    int entryBytes = header.u16("e_phentsize");
    if (entryBytes != Elf.PHDR_BYTES) {
      throw start.bad("e_phentsize %d, expected 56".formatted(entryBytes));
    }
    long count = header.u16("e_phnum");
    if (count == Elf.PN_XNUM) {
      Cursor section = at(windowed, "section header 0", sectionHeaders);
      section.skip(44, "sh_name to sh_link");
      count = new LittleEndian(section).u32("sh_info");
    }
    if (count > MAX_PROGRAM_HEADERS) {
      throw new UnsupportedFormatException(
          source.name(), programHeaders, count + " program headers; a million is the limit here");
    }
    List<LoadSegment> loads = new ArrayList<>();
    List<CoreNote> notes = new ArrayList<>();
    Cursor table = at(windowed, "program headers", programHeaders);
    table = table.slice(count * Elf.PHDR_BYTES, "table of " + count);
    for (long i = 0; i < count; i++) {
      program(windowed, table, loads, notes);
    }
    return new CoreFile(source, loads, notes);
  }

  private static Span whole(ByteSource source) {
    return new Span(0, source.size());
  }

  private static void expect(Cursor at, String field, int got, int expected, String what)
      throws UnsupportedFormatException {
    if (got != expected) {
      throw new UnsupportedFormatException(
          "ELF header",
          at.position(),
          "%s %d, expected %d (%s)".formatted(field, got, expected, what));
    }
  }

  private static Cursor at(ByteSource source, String part, long offset) throws FormatException {
    if (offset < 0 || offset > source.size()) {
      throw new FormatException(
          source.name(), 0, "%s at 0x%x, file ends at 0x%x".formatted(part, offset, source.size()));
    }
    Span span = new Span(offset, source.size() - offset);
    return new Cursor(source, source.name() + ": " + part, span);
  }

  private static void program(
      ByteSource source, Cursor table, List<LoadSegment> loads, List<CoreNote> notes)
      throws IOException {
    long headerAt = table.position();
    LittleEndian in = new LittleEndian(table);
    long type = in.u32("p_type");
    int flags = (int) in.u32("p_flags");
    long fileOffset = in.u64("p_offset");
    long virtual = in.u64("p_vaddr");
    long physical = in.u64("p_paddr");
    long fileBytes = in.u64("p_filesz");
    long memoryBytes = in.u64("p_memsz");
    in.u64("p_align");
    if (type != Elf.PT_LOAD && type != Elf.PT_NOTE) {
      return;
    }
    String place = source.name() + ": program header";
    if (fileOffset < 0 || fileBytes < 0 || fileOffset > source.size() - fileBytes) {
      throw new FormatException(
          place,
          headerAt,
          "segment 0x%x+0x%x, file ends at 0x%x (is the file cut short?)"
              .formatted(fileOffset, fileBytes, source.size()));
    }
    if (type == Elf.PT_LOAD) {
      if (physical < 0 || physical + fileBytes < 0) {
        throw new FormatException(
            place, headerAt, "p_paddr 0x%x, p_filesz 0x%x".formatted(physical, fileBytes));
      }
      loads.add(new LoadSegment(virtual, physical, fileOffset, fileBytes, memoryBytes, flags));
      return;
    }
    if (fileBytes > MAX_NOTE_BYTES) {
      throw new UnsupportedFormatException(
          place, headerAt, "0x%x bytes of notes; 16 MiB is the limit here".formatted(fileBytes));
    }
    Span span = new Span(fileOffset, fileBytes);
    Cursor cursor = new Cursor(source, source.name() + ": notes", span);
    while (cursor.remaining() >= ElfNote.HEADER_BYTES) {
      notes.add(note(cursor));
    }
  }

  private static CoreNote note(Cursor cursor) throws IOException {
    LittleEndian in = new LittleEndian(cursor);
    long nameBytes = in.u32("n_namesz");
    long descriptorBytes = in.u32("n_descsz");
    long type = in.u32("n_type");
    String name = cursor.text(nameBytes, "note name");
    skipPadding(cursor, nameBytes);
    Span descriptor = cursor.skip(descriptorBytes, "note descriptor");
    skipPadding(cursor, descriptorBytes);
    return new CoreNote(
        name.endsWith("\0") ? name.substring(0, name.length() - 1) : name, type, descriptor);
  }

  /** The last note of a region may come without its padding. */
  private static void skipPadding(Cursor cursor, long length) throws IOException {
    cursor.skip(Math.min(-length & 3, cursor.remaining()), "note padding");
  }

  /** The source this was opened over. */
  public ByteSource source() {
    return source;
  }

  /** Every PT_LOAD, in file order. */
  public List<LoadSegment> loads() {
    return loads;
  }

  /** Every note of every PT_NOTE, in file order. */
  public List<CoreNote> notes() {
    return notes;
  }

  /** The notes of that owner and type, in file order: one per CPU. */
  public List<CoreNote> notes(String owner, long type) {
    return notes.stream()
        .filter(note -> note.owner().equals(owner) && note.type() == type)
        .toList();
  }

  /** A note's content. */
  public ByteBuffer descriptor(CoreNote note) throws IOException {
    return source.read(note.descriptor());
  }

  /** Where each guest-physical address stands in the file: each once, ascending. */
  public List<PhysicalSegments.Segment> physicalSegments() {
    return physical.segments();
  }

  /**
   * Fills {@code into} from guest-physical {@code address} on.
   *
   * @throws UnmappedAddressException when a byte of it is not in the file
   */
  public void readPhysical(long address, ByteBuffer into) throws IOException {
    int limit = into.limit();
    long next = address;
    while (into.position() < limit) {
      long at = next;
      PhysicalSegments.Segment segment =
          physical.at(at).orElseThrow(() -> new UnmappedAddressException("physical", at));
      int part = (int) Math.min(limit - into.position(), segment.end() - at);
      into.limit(into.position() + part);
      source.read(segment.fileOffset() + (at - segment.physical()), into);
      into.limit(limit);
      next += part;
    }
  }
}
