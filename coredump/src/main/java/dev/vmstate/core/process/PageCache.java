package dev.vmstate.core.process;

import dev.vmstate.core.objects.KernelObject;
import dev.vmstate.core.objects.KernelObjects;
import dev.vmstate.core.objects.XArray;
import dev.vmstate.memory.MemoryMap;
import java.io.IOException;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * Pages of files in RAM: {@code file->f_mapping->i_pages}, by number of the page in the file. A
 * pointer is a folio; a value is of a page that is not there: of tmpfs, where it is on swap.
 * hugetlb files were counted in their own pages until 6.6. Source: {@code mm/filemap.c}, {@code
 * mm/shmem.c}.
 */
final class PageCache {
  private static final int PAGE = 4096;

  /** Nodes and pages of files looked at, for one process: of those on swap, and those in RAM. */
  private static final long MOST_SWAPPED = 1 << 20;

  private static final int MOST_TIMES = 8;

  /** {@code SWP_TYPE_SHIFT}: a swap entry without the bit that marks a value. */
  private static final int TYPE_SHIFT = 58;

  /** Told of pages that are in RAM. */
  interface Pages {
    void page(long virtual, long bytes, long physical, PageSource source) throws IOException;
  }

  private final KernelObjects objects;
  private final PageFrames frames;
  private final SwapCache swap;
  private long left = MOST_SWAPPED;

  PageCache(KernelObjects objects, PageFrames frames, SwapCache swap) {
    this.objects = objects;
    this.frames = frames;
    this.swap = swap;
    for (MemoryMap.Range range : objects.memory().physical().map().ranges()) {
      left += MOST_TIMES * (range.bytes() / PAGE);
    }
  }

  /** False when arrays of pages were there that were made to be walked for ever. */
  boolean whole() {
    return left > 0;
  }

  /** {@code address_space} of an open file. */
  static Optional<KernelObject> mapping(KernelObject file) throws IOException {
    return file.follow("f_mapping", "address_space");
  }

  /** Tells of an area's addresses from {@code from} to {@code end}, without gaps. */
  void pages(Vma vma, KernelObject file, long from, long end, Pages pages, UserPages.Merger others)
      throws IOException {
    Optional<KernelObject> mapping = mapping(file);
    if (mapping.isEmpty()) {
      others.add(from, end - from, Piece.NONE, PageSource.ABSENT);
      return;
    }
    Gap gap = new Gap(vma, mapping.get(), from, end, pages, others);
    XArray tree = new XArray(objects, mapping.get().at("i_pages"));
    long first = gap.index(from);
    long last = gap.index(end - PAGE);
    int most = (int) Math.min(left, Integer.MAX_VALUE);
    int order = vma.hugetlb() ? hugeOrder(mapping.get()) : 0;
    if (order > 0 && !countsSmallPages(tree, first, last)) {
      tree.range(
          first >>> order,
          last >>> order,
          most,
          (at, to, entry) -> gap.huge(at << order, 1L << order, entry));
    } else {
      tree.range(first, last, most, gap::entry);
    }
    left -= most - tree.left();
    gap.missing(end);
  }

  private static int hugeOrder(KernelObject mapping) throws IOException {
    Optional<KernelObject> inode = mapping.follow("host", "inode");
    Optional<KernelObject> sb = inode.isEmpty() ? inode : inode.get().follow("i_sb", "super_block");
    Optional<KernelObject> info =
        sb.isEmpty() ? sb : sb.get().follow("s_fs_info", "hugetlbfs_sb_info");
    Optional<KernelObject> state = info.isEmpty() ? info : info.get().follow("hstate", "hstate");
    return state.isEmpty() ? 9 : (int) Math.min(18, state.get().number("order"));
  }

  /** Since 6.7 an entry of a hugetlb file is for as many pages of 4 KiB. */
  private static boolean countsSmallPages(XArray tree, long first, long last) throws IOException {
    boolean[] wide = new boolean[1];
    tree.range(first, last, 4096, (at, to, entry) -> wide[0] |= to > at);
    return wide[0];
  }

  private final class Gap {
    private final Vma vma;
    private final long end;
    private final Pages pages;
    private final UserPages.Merger others;
    private final PageSource hole;
    private final boolean shmem;
    private final long fileEnd;
    private long done;

    Gap(Vma vma, KernelObject mapping, long from, long end, Pages pages, UserPages.Merger others)
        throws IOException {
      this.vma = vma;
      this.end = end;
      this.pages = pages;
      this.others = others;
      this.done = from;
      this.shmem = has(mapping, "shmem_aops");
      this.hole =
          shmem || vma.hugetlb() || has(mapping, "ram_aops") ? PageSource.ZERO : PageSource.ABSENT;
      Optional<KernelObject> inode = mapping.follow("host", "inode");
      long size = inode.isEmpty() ? Long.MAX_VALUE : inode.get().number("i_size");
      long room = size - vma.pgoff() * PAGE;
      this.fileEnd =
          size < 0 || size > Long.MAX_VALUE / 2
              ? Long.MAX_VALUE
              : vma.start() + Math.max(0, room + PAGE - 1 & -PAGE);
    }

    /** Whether of that file system: tmpfs, ramfs, whose holes are zeros. */
    private boolean has(KernelObject mapping, String name) throws IOException {
      OptionalLong operations = objects.address(name);
      return operations.isPresent() && operations.getAsLong() == mapping.number("a_ops");
    }

    long index(long virtual) {
      return vma.pgoff() + (virtual - vma.start()) / PAGE;
    }

    private long virtual(long index) {
      return vma.start() + (index - vma.pgoff()) * PAGE;
    }

    void huge(long first, long count, long entry) throws IOException {
      OptionalLong head = frames.physical(entry);
      if ((entry & 3) == 0 && head.isPresent()) {
        long from = Math.max(done, virtual(first));
        long to = Math.min(end, virtual(first + count));
        if (from < to) {
          missing(from);
          pages.page(
              from, to - from, head.getAsLong() + (from - virtual(first)), PageSource.CACHED);
          done = to;
        }
      }
    }

    void entry(long first, long last, long entry) throws IOException {
      long from = Math.max(index(done), first);
      long to = Math.min(index(end - PAGE), last);
      boolean value = (entry & 1) != 0;
      if (from > to || value && !shmem) {
        return;
      }
      missing(virtual(from));
      if (value) {
        for (long i = from; i <= to; i++) {
          swapped(virtual(i), entry >>> 1, i - first);
        }
      } else {
        OptionalLong frame = frames.frame(entry, first, from);
        if (frame.isEmpty()) {
          others.add(done, (to - from + 1) * PAGE, Piece.NONE, PageSource.ABSENT);
        } else {
          pages.page(done, (to - from + 1) * PAGE, frame.getAsLong(), PageSource.CACHED);
        }
      }
      done = virtual(to + 1);
    }

    private void swapped(long virtual, long value, long into) throws IOException {
      long type = value >>> TYPE_SHIFT & 0x1f;
      OptionalLong frame = swap.find(type, (value & (1L << TYPE_SHIFT) - 1) + into);
      if (frame.isPresent()) {
        pages.page(virtual, PAGE, frame.getAsLong(), PageSource.SWAP_CACHED);
      } else {
        others.add(virtual, PAGE, Piece.NONE, PageSource.SWAPPED);
      }
    }

    /** What the file has no page of, up to an address. */
    void missing(long until) throws IOException {
      if (done < until) {
        long inFile = Math.max(done, Math.min(until, fileEnd));
        if (done < inFile) {
          others.add(done, inFile - done, Piece.NONE, hole);
        }
        if (inFile < until) {
          others.add(inFile, until - inFile, Piece.NONE, PageSource.NOTHING);
        }
        done = until;
      }
    }
  }
}
