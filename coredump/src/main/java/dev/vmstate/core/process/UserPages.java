package dev.vmstate.core.process;

import dev.vmstate.core.kernel.KernelMemory;
import dev.vmstate.core.objects.KernelObject;
import dev.vmstate.core.objects.KernelObjects;
import dev.vmstate.core.paging.EntryWalk;
import dev.vmstate.core.paging.PagingMode;
import dev.vmstate.memory.MemoryMap;
import dev.vmstate.memory.UnmappedAddressException;
import java.io.IOException;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * The pages behind a process's areas: by its page tables, and where these have nothing, by the page
 * cache. Costs what there is, not what is reserved. Not thread-safe.
 */
public final class UserPages {
  private static final int PAGE = 4096;

  /**
   * Of a swap entry that is no device's: {@code PTE_MARKER_UFFD_WP}, the page is as if not there.
   */
  private static final long MARKER_UFFD_WP = 1;

  private static final long LAST_MARKER = 15;

  /** Of a page that can be under way. */
  private static final long LARGEST = 1 << 30;

  private final KernelObjects objects;
  private final KernelMemory memory;
  private final MemoryMap map;
  private final EntryWalk entries;
  private final PageFrames frames;
  private final SwapCache swap;
  private final PageCache cache;
  private final long zeroPage;
  private final long hugeZeroPage;
  private boolean whole = true;

  /** Entries and pages looked at one by one; memory made to be looked at for ever has more. */
  private long left = 1 << 20;

  /**
   * Of a process.
   *
   * @throws UnmappedAddressException when its page tables are not in RAM
   */
  public UserPages(AddressSpace space) throws IOException {
    this.objects = space.objects();
    this.memory = objects.memory();
    this.map = memory.physical().map();
    long pgd = space.mm().number("pgd");
    OptionalLong root = memory.translate(pgd);
    if (root.isEmpty()) {
      throw new UnmappedAddressException("virtual", pgd);
    }
    PagingMode mode = memory.tables().mode();
    for (MemoryMap.Range range : map.ranges()) {
      left += 64 * range.bytes() / PAGE;
    }
    this.entries = new EntryWalk(memory.physical(), mode, root.getAsLong());
    this.frames = new PageFrames(objects);
    this.swap = new SwapCache(objects, frames);
    this.cache = new PageCache(objects, frames, swap);
    OptionalLong zero = objects.address("empty_zero_page");
    this.zeroPage = zero.isEmpty() ? Piece.NONE : memory.translate(zero.getAsLong()).orElse(-1);
    OptionalLong huge = objects.address("huge_zero_pfn");
    this.hugeZeroPage = huge.isEmpty() ? Piece.NONE : memory.word(huge.getAsLong()) << 12;
  }

  /** What is known of each page of memory. */
  public PageFrames frames() {
    return frames;
  }

  /** False when there were more page tables than a process has, and pages were passed over. */
  public boolean whole() {
    return whole && cache.whole();
  }

  /** Tells of all pages of an area, by address, without gaps. */
  public void walk(Vma vma, Piece.Visitor visitor) throws IOException {
    walk(vma, vma.start(), vma.end(), visitor);
  }

  /** The same of a part of the area, of whole pages. */
  public void walk(Vma vma, long from, long end, Piece.Visitor visitor) throws IOException {
    Area area = new Area(vma, from, new Merger(visitor));
    boolean all = entries.walk(from, end, area::entry);
    whole &= all;
    area.gap(end);
    area.pieces.flush();
  }

  /** Makes one piece of neighbours. */
  static final class Merger {
    private final Piece.Visitor visitor;
    private long virtual;
    private long bytes;
    private long physical;
    private PageSource source = PageSource.NOTHING;

    Merger(Piece.Visitor visitor) {
      this.visitor = visitor;
    }

    void add(long at, long length, long frame, PageSource from) throws IOException {
      boolean follows =
          from == source && (from.inRam() ? frame == physical + bytes : true) && bytes > 0;
      if (!follows) {
        flush();
        virtual = at;
        physical = from.inRam() ? frame : Piece.NONE;
        source = from;
      }
      bytes += length;
    }

    void flush() throws IOException {
      if (bytes > 0) {
        visitor.piece(new Piece(virtual, bytes, physical, source));
        bytes = 0;
      }
    }
  }

  private final class Area {
    private final Vma vma;
    private final Merger pieces;
    private long done;

    Area(Vma vma, long from, Merger pieces) {
      this.vma = vma;
      this.pieces = pieces;
      this.done = from;
    }

    void entry(long virtual, long bytes, long value, long covers) throws IOException {
      if (--left < 0) {
        entries.end();
        return;
      }
      PageEntry entry = new PageEntry(entries.mode(), value, covers);
      long into = virtual & covers - 1;
      if (entry.hasPage()) {
        gap(virtual);
        page(virtual, bytes, entry.physical() + into, PageSource.MAPPED);
        done = virtual + bytes;
        return;
      }
      long type = entry.swapType();
      long offset = entry.swapOffset() + into / PAGE;
      if (!swap.isDevice(type) && entry.swapOffset() == MARKER_UFFD_WP) {
        return; // a gap
      }
      gap(virtual);
      done = virtual + bytes;
      left -= bytes / PAGE;
      if (covers > LARGEST || left < 0) {
        pieces.add(virtual, bytes, Piece.NONE, PageSource.NOTHING);
        return;
      }
      for (long at = 0; at < bytes; at += PAGE) {
        swapped(virtual + at, type, offset + at / PAGE);
      }
    }

    private void swapped(long virtual, long type, long offset) throws IOException {
      if (swap.isDevice(type)) {
        OptionalLong cached = swap.find(type, offset);
        if (cached.isPresent()) {
          page(virtual, PAGE, cached.getAsLong(), PageSource.SWAP_CACHED);
        } else {
          pieces.add(virtual, PAGE, Piece.NONE, PageSource.SWAPPED);
        }
      } else if (offset > LAST_MARKER && frames.locked(frame(offset))) {
        page(virtual, PAGE, frame(offset), PageSource.MAPPED); // under way to another frame
      } else {
        pieces.add(virtual, PAGE, Piece.NONE, PageSource.NOTHING);
      }
    }

    /** Of a migration entry; above the frame number there are marks since 6.1. */
    private long frame(long offset) {
      return (offset & (1L << 40) - 1) << 12;
    }

    private void page(long virtual, long bytes, long physical, PageSource source)
        throws IOException {
      Optional<MemoryMap.Range> range = map.at(physical);
      if (physical == zeroPage
          || hugeZeroPage > 0 && physical >= hugeZeroPage && physical < hugeZeroPage + (2 << 20)) {
        pieces.add(virtual, bytes, Piece.NONE, PageSource.ZERO);
      } else if (range.isEmpty()) {
        pieces.add(virtual, bytes, Piece.NONE, PageSource.NOTHING);
      } else {
        long there = Math.min(bytes, range.get().end() - physical & -PAGE);
        if (there > 0) {
          pieces.add(virtual, there, physical, source);
        }
        if (there < bytes) {
          pieces.add(virtual + there, bytes - there, Piece.NONE, PageSource.NOTHING);
        }
      }
    }

    /** What page tables say nothing of. */
    void gap(long end) throws IOException {
      if (done >= end) {
        return;
      }
      if (vma.special()) {
        special(end);
      } else if (vma.file().isPresent() && !anonymous()) {
        try {
          cache.pages(vma, vma.file().get(), done, end, this::page, pieces);
        } catch (UnmappedAddressException broken) {
          pieces.add(done, end - done, Piece.NONE, PageSource.ABSENT); // a file without pages
        }
      } else {
        pieces.add(done, end - done, Piece.NONE, PageSource.ZERO);
      }
      done = end;
    }

    /** /dev/zero mapped privately has a file, and is anonymous memory. */
    private boolean anonymous() throws IOException {
      return vma.area().number("vm_ops") == 0 && !vma.shared();
    }

    /** The vdso is in the kernel's image; who has not called it has not mapped it. */
    private void special(long end) throws IOException {
      KernelObject mm = vma.area().follow("vm_mm", "mm_struct").orElse(vma.area());
      if (vma.name().equals("[vdso]") && mm.has("context.vdso_image")) {
        Optional<KernelObject> image = mm.follow("context.vdso_image", "vdso_image");
        if (image.isPresent()) {
          long data = image.get().number("data");
          long size = image.get().number("size");
          for (; done < end && done - vma.start() < size; done += PAGE) {
            OptionalLong at = memory.translate(data + done - vma.start());
            if (at.isEmpty()) {
              break;
            }
            page(done, PAGE, at.getAsLong(), PageSource.CACHED);
          }
        }
      }
      if (done < end) {
        pieces.add(done, end - done, Piece.NONE, PageSource.NOTHING);
      }
    }
  }
}
