package dev.vmstate.elf;

import dev.vmstate.bytes.ByteSource;
import dev.vmstate.bytes.Cursor;
import dev.vmstate.bytes.FormatException;
import dev.vmstate.bytes.OrderedCursor;
import dev.vmstate.bytes.Span;
import dev.vmstate.bytes.UnsupportedFormatException;
import dev.vmstate.bytes.WindowedSource;
import dev.vmstate.memory.UnmappedAddressException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;

/**
 * An ELF core of a whole machine, opened: ours or QEMU's own dump-guest-memory, of 32 or 64 bits
 * and either byte order. The file is untrusted; every length is checked before it is used.
 *
 * <p>QEMU writes a 64-bit file for a machine whose RAM or ROM reaches 4 GiB, which every PC's BIOS
 * does, and EM_386 in it as long as the first CPU is not in long mode.
 */
public final class CoreFile {
  private static final long MAX_ADDRESS = 1L << 52;

  private final ByteSource source;
  private final ElfHeader header;
  private final List<LoadSegment> loads;
  private final List<CoreNote> notes;
  private final PhysicalSegments physical;

  private CoreFile(
      ByteSource source, ElfHeader header, List<LoadSegment> loads, List<CoreNote> notes) {
    this.source = source;
    this.header = header;
    this.loads = List.copyOf(loads);
    this.notes = List.copyOf(notes);
    this.physical = PhysicalSegments.of(this.loads);
  }

  /**
   * Reads headers and notes, no memory.
   *
   * @throws UnsupportedFormatException for a right ELF file that is no core
   * @throws FormatException when a header is wrong or the file is cut short
   */
  public static CoreFile open(ByteSource source) throws IOException {
    ByteSource windowed = new WindowedSource(source, 1 << 16);
    ElfHeader header = ElfHeader.decode(windowed);
    List<LoadSegment> loads = new ArrayList<>();
    List<CoreNote> notes = new ArrayList<>();
    Cursor table = header.table(windowed);
    // Notes are read through a window of their own: they stand elsewhere.
    ByteSource elsewhere = new WindowedSource(source, 1 << 12);
    for (long i = 0; i < header.programCount(); i++) {
      program(elsewhere, header, table, loads, notes);
    }
    return new CoreFile(source, header, loads, notes);
  }

  private static void program(
      ByteSource source,
      ElfHeader header,
      Cursor table,
      List<LoadSegment> loads,
      List<CoreNote> notes)
      throws IOException {
    long headerAt = table.position();
    boolean wide = header.wide();
    OrderedCursor in = new OrderedCursor(table, header.order());
    long type = in.u32("p_type");
    int flags = wide ? (int) in.u32("p_flags") : 0;
    long fileOffset = in.word(wide, "p_offset");
    long virtual = in.word(wide, "p_vaddr");
    long physical = in.word(wide, "p_paddr");
    long fileBytes = in.word(wide, "p_filesz");
    long memoryBytes = in.word(wide, "p_memsz");
    if (!wide) {
      flags = (int) in.u32("p_flags");
    }
    in.word(wide, "p_align");
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
    if (type == Elf.PT_NOTE) {
      Span where = new Span(fileOffset, fileBytes);
      CoreNote.decode(source, source.name() + ": notes", where, header.order(), notes);
      return;
    }
    long bytes = Math.max(fileBytes, memoryBytes);
    if (physical < 0 || memoryBytes < 0 || bytes > MAX_ADDRESS || physical > MAX_ADDRESS - bytes) {
      throw new FormatException(
          place,
          headerAt,
          "p_paddr 0x%x, p_filesz 0x%x, p_memsz 0x%x: no such physical memory"
              .formatted(physical, fileBytes, memoryBytes));
    }
    loads.add(new LoadSegment(virtual, physical, fileOffset, fileBytes, memoryBytes, flags));
  }

  /**
   * This core, if its registers and addresses are those of an x86 machine.
   *
   * @throws UnsupportedFormatException when they are not
   */
  public CoreFile requireX86() throws UnsupportedFormatException {
    boolean x86 = machine() == Elf.EM_X86_64 || machine() == Elf.EM_386;
    if (header.order() != ByteOrder.LITTLE_ENDIAN || !x86) {
      throw new UnsupportedFormatException(
          source.name() + ": ELF header",
          18,
          "a %s core with e_machine %d, expected 62 (x86-64) or 3 (i386)"
              .formatted(
                  header.order() == ByteOrder.LITTLE_ENDIAN ? "little-endian" : "big-endian",
                  machine()));
    }
    return this;
  }

  /** The source this was opened over. */
  public ByteSource source() {
    return source;
  }

  /** e_machine. */
  public int machine() {
    return header.machine();
  }

  /** Whether it is a 64-bit file. */
  public boolean wide() {
    return header.wide();
  }

  /** The byte order of headers and notes. */
  public ByteOrder order() {
    return header.order();
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
    return notes.stream().filter(note -> note.is(owner, type)).toList();
  }

  /** A note's content. */
  public ByteBuffer descriptor(CoreNote note) throws IOException {
    return source.read(note.descriptor());
  }

  /** Where each guest-physical address stands in the file: each once, ascending. */
  public List<PhysicalSegments.Segment> physicalSegments() {
    return physical.segments();
  }

  /** The same, to search in. */
  public PhysicalSegments physical() {
    return physical;
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
