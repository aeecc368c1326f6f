package dev.vmstate.core.process;

import dev.vmstate.elf.CoreFile;
import dev.vmstate.elf.LoadSegment;
import dev.vmstate.memory.GuestMemory;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/**
 * Finds what a core has changed in the memory of its process. Asks the process for each address of
 * the core's segments anew, so it does not matter who wrote the core, and with which filter.
 */
public final class CoreComparison {
  private static final int PAGE = 4096;
  private static final int CHUNK = 16 * PAGE;

  /** A gigabyte. */
  private static final int MOST_PAGES = 1 << 18;

  /** What the kernel does not write into a core, even where it says it is there. */
  private static final long DEVICE = VmFlags.VM_IO | VmFlags.VM_PFNMAP;

  /** Reads a part of a file that is expected to be a hole. */
  public interface Holes {
    /** At most {@code length}, at least one byte from {@code offset} on. */
    ByteBuffer hole(long offset, long length) throws IOException;
  }

  private final CoreFile core;
  private final Holes holes;
  private final AddressSpace space;
  private final UserPages pages;
  private final GuestMemory memory;
  private final byte[] ours = new byte[CHUNK];
  private final byte[] theirs = new byte[CHUNK];
  private final List<CoreChange> changes = new ArrayList<>();

  /** Of a core and a process. */
  public CoreComparison(CoreFile core, Holes holes, AddressSpace space) throws IOException {
    this.core = core;
    this.holes = holes;
    this.space = space;
    this.pages = new UserPages(space);
    this.memory = space.objects().memory().physical();
  }

  /** What is known of each page of memory. */
  public PageFrames frames() {
    return pages.frames();
  }

  /**
   * Every page that differs, by the order of segments.
   *
   * @throws IOException with the first address that has other bytes in the core, but no page, or
   *     that is no memory of the process at all
   */
  public List<CoreChange> changes() throws IOException {
    for (LoadSegment load : core.loads()) {
      if (load.fileBytes() > 0) {
        segment(load);
      }
    }
    if (!pages.whole()) {
      throw new IOException(
          "the process has more page tables than its machine has memory: no edit of it is certain");
    }
    return changes;
  }

  private void segment(LoadSegment load) throws IOException {
    long end = load.virtual() + load.fileBytes();
    if (load.virtual() % PAGE != 0 || load.virtual() < 0 || end < load.virtual()) {
      throw new IOException(
          "a segment at 0x%x of 0x%x bytes: no area of a process is there"
              .formatted(load.virtual(), load.fileBytes()));
    }
    for (long at = load.virtual(); at < end; ) {
      Optional<Vma> vma = space.at(at);
      if (vma.isEmpty()) {
        throw new IOException(
            "0x%x is in the core, but no memory of the process: is it another process's core, or another snapshot's?"
                .formatted(at));
      }
      long to = Math.min(vma.get().end(), end + PAGE - 1 & -PAGE);
      pages.walk(vma.get(), at, to, piece -> piece(vma.get(), piece, load));
      at = to;
    }
  }

  private void piece(Vma vma, Piece piece, LoadSegment load) throws IOException {
    long file = load.fileOffset() + (piece.virtual() - load.virtual());
    long bytes = Math.min(piece.bytes(), load.fileOffset() + load.fileBytes() - file);
    if (piece.source().inRam()) {
      for (long done = 0; done < bytes; done += CHUNK) {
        compare(vma, piece, done, file + done, (int) Math.min(CHUNK, bytes - done));
      }
    } else {
      hole(vma, piece, file, bytes);
    }
  }

  private void compare(Vma vma, Piece piece, long into, long file, int length) throws IOException {
    memory.readPhysical(piece.physical() + into, ByteBuffer.wrap(ours, 0, length));
    core.source().read(file, ByteBuffer.wrap(theirs, 0, length));
    for (int at = 0; at < length; at += PAGE) {
      int end = Math.min(at + PAGE, length);
      if (Arrays.equals(ours, at, end, theirs, at, end)
          || (vma.flags() & DEVICE) != 0 && zeros(theirs, at, end)) {
        continue;
      }
      if (changes.size() == MOST_PAGES) {
        throw new IOException(
            "more than %d pages differ: it is the core of another moment or another process"
                .formatted(MOST_PAGES));
      }
      changes.add(
          new CoreChange(
              vma,
              piece.virtual() + into + at,
              piece.physical() + into + at,
              piece.source(),
              file + at,
              end - at));
    }
  }

  private static boolean zeros(byte[] bytes, int from, int to) {
    for (int i = from; i < to; i++) {
      if (bytes[i] != 0) {
        return false;
      }
    }
    return true;
  }

  private void hole(Vma vma, Piece piece, long file, long bytes) throws IOException {
    for (long done = 0; done < bytes; ) {
      ByteBuffer read = holes.hole(file + done, bytes - done);
      for (int i = read.position(); i < read.limit(); i++) {
        if (read.get(i) != 0) {
          throw new IOException(
              "0x%x (%s) was changed, but %s"
                  .formatted(
                      piece.virtual() + done + i - read.position(),
                      vma.name().isEmpty() ? vma.rights() : vma.name(),
                      why(piece.source())));
        }
      }
      done += read.remaining();
    }
  }

  private static String why(PageSource source) {
    return switch (source) {
      case ZERO ->
          "nobody has written there yet: it is the page of zeros that everybody has, and the guest gives it one of its own when the program writes to it first";
      case SWAPPED -> "it is on the guest's swap, not in RAM: let the program touch it first";
      case ABSENT -> "that page of the file is not in the guest's RAM";
      default -> "no RAM is behind it";
    };
  }
}
