package dev.vmstate.core.process;

import dev.vmstate.elf.ElfNote;
import dev.vmstate.memory.GuestMemory;
import dev.vmstate.memory.MemoryMap;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;

/**
 * The core of a process, as its own kernel would have written it: a PT_LOAD for each area, with its
 * rights, and the notes given. Planned first, from page tables alone; then written, or looked at
 * piece by piece. The same snapshot gives the same plan.
 *
 * <pre>
 * Core ::= Ehdr(64), Phdr PT_NOTE(56), Phdr PT_LOAD(56)*, note*, pad to 4096, segment*, [Shdr(64)]
 * </pre>
 *
 * <p>What is not in RAM is a hole where it stands between other pages, and left off where it ends a
 * segment: p_filesz is then less than p_memsz, and a debugger looks into the program's file.
 * Source: {@code fs/binfmt_elf.c}, elf_core_dump.
 */
public final class ProcessCore {
  private static final int PAGE = 4096;

  /** So much of nothing is not in the file, not even as a hole: file systems have an end. */
  private static final long HUGE = 64L << 30;

  private static final long MOST_FILE = 4L << 40;
  private static final long HUGE_LATER = 1L << 20;

  private static final int MOST_REMARKS = 100;

  /** More than areas: holes part them. */
  private static final int MOST_SEGMENTS = 1 << 18;

  /** How often a process may map all of RAM; what does more was made to fill a disk. */
  private static final long MOST_TIMES = 4;

  private final AddressSpace space;
  private final DumpFilter filter;
  private final UserPages pages;
  private final List<ElfNote> notes;
  private final boolean narrow;
  private final List<CoreSegment> segments = new ArrayList<>();
  private final CoreCounts counts = new CoreCounts();
  private final List<String> remarks = new ArrayList<>();
  private long mostPresent;
  private long end;

  private ProcessCore(AddressSpace space, DumpFilter filter, List<ElfNote> notes, boolean narrow)
      throws IOException {
    this.narrow = narrow;
    this.space = space;
    this.filter = filter;
    this.notes = List.copyOf(notes);
    this.pages = new UserPages(space);
    for (MemoryMap.Range range : memory().map().ranges()) {
      mostPresent += MOST_TIMES * range.bytes();
    }
  }

  private GuestMemory memory() {
    return space.objects().memory().physical();
  }

  /**
   * Plans the core of a process.
   *
   * @param notes in the order they shall have
   * @param narrow for a 32-bit process: ELF32, EM_386
   * @throws dev.vmstate.memory.UnmappedAddressException when its page tables are not in RAM
   */
  public static ProcessCore plan(
      AddressSpace space, DumpFilter filter, List<ElfNote> notes, boolean narrow)
      throws IOException {
    ProcessCore core = new ProcessCore(space, filter, notes, narrow);
    core.plan();
    return core;
  }

  private void plan() throws IOException {
    List<CoreSegment> parts = new ArrayList<>();
    for (Vma vma : space.vmas()) {
      new AreaPlan(vma, parts).plan();
    }
    if (parts.size() >= MOST_SEGMENTS) {
      remarks.add("there are more than %d segments: the rest is empty".formatted(MOST_SEGMENTS));
    }
    if (!pages.whole()) {
      remarks.add(
          "the process has more page tables than its machine has memory: some are left out");
    }
    end = new ProcessCoreHeader(narrow, parts.size(), notes).dataStart();
    for (CoreSegment part : parts) {
      segments.add(new CoreSegment(part.vma(), part.start(), part.bytes(), end, part.fileBytes()));
      end += part.fileBytes();
    }
  }

  private final class AreaPlan {
    private final Vma vma;
    private final List<CoreSegment> parts;
    private long start;
    private long known;
    private long size;

    AreaPlan(Vma vma, List<CoreSegment> parts) {
      this.vma = vma;
      this.parts = parts;
      this.start = vma.start();
      this.known = vma.start();
      for (CoreSegment part : parts.subList(Math.max(0, parts.size() - 1), parts.size())) {
        this.size = part.fileOffset() + part.fileBytes();
      }
    }

    void plan() throws IOException {
      long dumped = dumped();
      if (counts.present() > mostPresent) {
        if (remarks.size() < MOST_REMARKS) {
          remarks.add(
              "the process maps all memory more than %d times: 0x%x-0x%x is left out"
                  .formatted(MOST_TIMES, vma.start(), vma.end()));
        }
        dumped = 0;
      }
      counts.addFiltered(vma.bytes() - dumped);
      long to = vma.start() + dumped;
      pages.walk(vma, vma.start(), to, this::piece);
      if (start < vma.end()) {
        boolean exact = filter.bits().isPresent();
        add(vma.end(), exact ? to : known);
      }
    }

    private void piece(Piece piece) {
      counts.add(piece);
      if (parts.size() >= MOST_SEGMENTS) {
        return; // what the areas from here on have is left out
      }
      boolean inRam = piece.source().inRam();
      if (!inRam && piece.bytes() >= (size > MOST_FILE ? HUGE_LATER : HUGE)) {
        if (remarks.size() < MOST_REMARKS) {
          remarks.add(
              "0x%x-0x%x has no page and is not in the core"
                  .formatted(piece.virtual(), piece.end()));
        }
        add(piece.end(), known);
        start = piece.end();
        known = start;
      } else if (inRam || piece.source() == PageSource.ZERO && readable()) {
        known = piece.end();
      }
    }

    /** Of what nobody may read or has written to there is nothing to show. */
    private boolean readable() {
      return (vma.flags() & VmFlags.VM_READ) != 0;
    }

    private void add(long until, long fileUntil) {
      parts.add(new CoreSegment(vma, start, until - start, size, Math.max(0, fileUntil - start)));
      size += Math.max(0, fileUntil - start);
    }

    private long dumped() throws IOException {
      long bytes = filter.bytes(vma);
      if (bytes != DumpFilter.IF_ELF) {
        return bytes;
      }
      boolean[] elf = new boolean[1];
      pages.walk(vma, vma.start(), vma.start() + PAGE, piece -> elf[0] = isElf(piece));
      return elf[0] ? PAGE : 0;
    }

    private boolean isElf(Piece piece) throws IOException {
      if (!piece.source().inRam()) {
        return false;
      }
      ByteBuffer magic = ByteBuffer.allocate(4);
      memory().readPhysical(piece.physical(), magic);
      return magic.flip().getInt() == 0x7f454c46;
    }
  }

  /** Its PT_LOADs, by address. */
  public List<CoreSegment> segments() {
    return segments;
  }

  /** How many bytes come from where. */
  public CoreCounts counts() {
    return counts;
  }

  /** What is not in it, for people. */
  public List<String> remarks() {
    return remarks;
  }

  /** What is known of the pages: who else has them. */
  public PageFrames frames() {
    return pages.frames();
  }

  /** Its notes. */
  public List<ElfNote> notes() {
    return notes;
  }

  private ProcessCoreHeader header() {
    return new ProcessCoreHeader(narrow, segments.size(), notes);
  }

  /** Length of the file. */
  public long size() {
    return end + header().tailBytes();
  }

  /**
   * Tells of the pieces of a segment that are in the file, by address and without gaps; their place
   * in the file is {@link CoreSegment#offsetOf}. What is not {@link PageSource#inRam} is a hole.
   */
  public void pieces(CoreSegment segment, Piece.Visitor visitor) throws IOException {
    boolean reads = filter.reads(segment.vma());
    if (segment.fileBytes() > 0) {
      pages.walk(
          segment.vma(),
          segment.start(),
          segment.start() + segment.fileBytes(),
          piece ->
              visitor.piece(
                  reads
                      ? piece
                      : new Piece(piece.virtual(), piece.bytes(), Piece.NONE, PageSource.NOTHING)));
    }
  }

  /** Takes bytes of the file, which is zeros everywhere else. */
  public interface Target {
    /** Writes all of {@code bytes} at {@code at}. */
    void write(ByteBuffer bytes, long at) throws IOException;
  }

  /** Writes the core: in order, but for the section header of more than 65534 segments. */
  public void write(Target out) throws IOException {
    out.write(header().encode(segments, end), 0);
    PieceWriter writer = new PieceWriter(memory(), out);
    for (CoreSegment segment : segments) {
      pieces(
          segment,
          piece -> {
            if (piece.source().inRam()) {
              writer.write(piece, segment.offsetOf(piece.virtual()));
            }
          });
    }
    header().tail().ifPresent(writer::keep);
    writer.finish(size());
  }
}
