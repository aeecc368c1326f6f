package dev.vmstate.ram;

import dev.vmstate.memory.RamBlock;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Where each page's last value lies: runs of pages, no object per page.
 *
 * <p>A block is cut into chunks of {@value #CHUNK} pages. A chunk is absent ({@code null}), or a
 * short list of runs, two words each, or, when its pages are so scattered that runs would be
 * longer, one word per page. So an untouched 64 GiB guest costs a few MiB and the worst one (every
 * page somewhere else) 8 bytes a page: 128 MiB. Tables are made for {@value #SEGMENT} chunks when
 * the first of their pages comes, so a block that is only announced costs nothing, however long.
 *
 * <pre>
 * run  ::= first page in chunk (16 bits) | count (16) | stride (32),   word of the first page
 * word ::= kind (8 bits) | stream offset, or the fill byte (56)
 * </pre>
 */
public final class RamIndex implements PageVisitor {
  /** Pages per chunk. */
  static final int CHUNK = 512;

  /** Chunks per table. */
  static final int SEGMENT = 4096;

  private static final int KIND_SHIFT = 56;
  private static final long VALUE = (1L << KIND_SHIFT) - 1;

  /** What is known of a page. */
  public enum Kind {
    /** The stream never sent it: zero in a fresh machine. */
    ABSENT,
    /** Its bytes stand in the stream. */
    DATA,
    /** All its bytes have one value, nearly always 0. */
    FILL,
    /** A zlib stream in the stream: the value is where its length word stands. */
    DEFLATED,
    /** The stream has only changes of it; {@link RamPages} has the bytes. */
    DELTA;

    /** Whether the page has bytes of its own, wherever they are. */
    public boolean hasBytes() {
      return this != ABSENT && this != FILL;
    }
  }

  private static final Kind[] KINDS = Kind.values();

  private final List<RamBlock> blocks;
  private final Segment[][] segments;

  /** Of blocks whose pages are zero where nothing is said: the word of such a page. */
  private final long[] rest;

  private final long[] open = new long[CHUNK];
  private Segment openSegment = new Segment();
  private int openBlock = -1;
  private int openChunk = -1;
  private boolean deflated;

  /** The chunks of a stretch of a block, and a bit for each page that came more than once. */
  private static final class Segment {
    private final long[] @Nullable [] chunks = new long[SEGMENT][];
    private final long[] @Nullable [] rewritten = new long[SEGMENT][];
  }

  /** An index that knows nothing yet; feed it as a {@link PageVisitor}. */
  public RamIndex(List<RamBlock> blocks) {
    this.blocks = List.copyOf(blocks);
    this.segments = new Segment[blocks.size()][];
    this.rest = new long[blocks.size()];
    long perSegment = (long) CHUNK * SEGMENT;
    for (int b = 0; b < segments.length; b++) {
      long count = (blocks.get(b).pages() + perSegment - 1) / perSegment;
      segments[b] = new Segment[Math.toIntExact(count)];
    }
  }

  /** The blocks pages are counted in. */
  public List<RamBlock> blocks() {
    return blocks;
  }

  @Override
  public void data(int block, long page, ByteBuffer bytes, int at, long offset) {
    put(block, page, (long) Kind.DATA.ordinal() << KIND_SHIFT | offset);
  }

  @Override
  public void fill(int block, long page, int value) {
    put(block, page, (long) Kind.FILL.ordinal() << KIND_SHIFT | value);
  }

  /** Says that all pages of a block that were not told of are zero: a bitmap's clear bits. */
  void restIsZero(int block) {
    rest[block] = (long) Kind.FILL.ordinal() << KIND_SHIFT;
  }

  /** A page that is compressed; {@code offset}: where its length word stands. */
  void deflated(int block, long page, long offset) {
    put(block, page, (long) Kind.DEFLATED.ordinal() << KIND_SHIFT | offset);
    deflated = true;
  }

  /** A page that a delta has changed. */
  void delta(int block, long page) {
    put(block, page, (long) Kind.DELTA.ordinal() << KIND_SHIFT);
  }

  /** Whether a page ever came compressed. */
  public boolean hasDeflated() {
    return deflated;
  }

  /** What is known of a page. */
  public Kind kind(int block, long page) {
    return KINDS[(int) (word(block, page) >>> KIND_SHIFT)];
  }

  /**
   * Where a {@link Kind#DATA} page's bytes start in the stream, the byte of a FILL page, where the
   * length word of a DEFLATED page stands; 0 for others.
   */
  public long value(int block, long page) {
    return word(block, page) & VALUE;
  }

  /** Whether the stream sent the page more than once. */
  public boolean rewritten(int block, long page) {
    Segment segment = segment(block, page);
    long[] bits = segment == null ? null : segment.rewritten[chunkInSegment(page)];
    return bits != null && (bits[(int) (page % CHUNK) >>> 6] & 1L << page) != 0;
  }

  /** Page counts of one block. */
  public record Counts(long data, long zero, long absent, long rewritten) {}

  /** Counts the pages of a block: zero counts every page of one value. */
  public Counts counts(int block) {
    long[] found = new long[KINDS.length];
    long again = 0;
    for (int s = 0; s < segments[block].length; s++) {
      Segment segment = segments[block][s];
      for (int c = 0; segment != null && c < SEGMENT; c++) {
        int chunk = s * SEGMENT + c;
        boolean isOpen = block == openBlock && chunk == openChunk;
        for (int at = 0; (isOpen || segment.chunks[c] != null) && at < CHUNK; at++) {
          long word = isOpen ? open[at] : word(segment.chunks[c], at);
          found[(int) (word >>> KIND_SHIFT)]++;
        }
        if (segment.rewritten[c] != null) {
          again += Arrays.stream(segment.rewritten[c]).map(Long::bitCount).sum();
        }
      }
    }
    long data =
        Arrays.stream(KINDS).filter(Kind::hasBytes).mapToLong(kind -> found[kind.ordinal()]).sum();
    long pages = blocks.get(block).pages();
    long fill = rest[block] == 0 ? found[Kind.FILL.ordinal()] : pages - data;
    return new Counts(data, fill, pages - data - fill, again);
  }

  private void put(int block, long page, long word) {
    if (!isOpen(block, page)) {
      close();
      open(block, (int) (page / CHUNK));
    }
    int at = (int) (page % CHUNK);
    if (open[at] != 0) {
      long[] @Nullable [] rewritten = openSegment.rewritten;
      int chunk = chunkInSegment(page);
      long[] bits = rewritten[chunk];
      if (bits == null) {
        bits = new long[CHUNK / Long.SIZE];
        rewritten[chunk] = bits;
      }
      bits[at >>> 6] |= 1L << page;
    }
    open[at] = word;
  }

  private boolean isOpen(int block, long page) {
    return block == openBlock && page / CHUNK == openChunk;
  }

  private @Nullable Segment segment(int block, long page) {
    return segments[block][(int) (page / CHUNK / SEGMENT)];
  }

  private static int chunkInSegment(long page) {
    return (int) (page / CHUNK % SEGMENT);
  }

  private long word(int block, long page) {
    long told = told(block, page);
    return told == 0 ? rest[block] : told;
  }

  private long told(int block, long page) {
    if (isOpen(block, page)) {
      return open[(int) (page % CHUNK)];
    }
    Segment segment = segment(block, page);
    return segment == null ? 0 : word(segment.chunks[chunkInSegment(page)], (int) (page % CHUNK));
  }

  private static long word(long @Nullable [] chunk, int at) {
    if (chunk == null) {
      return 0;
    }
    if (chunk.length == CHUNK) {
      return chunk[at];
    }
    int low = 0;
    int high = chunk.length / 2 - 1;
    while (low <= high) {
      int mid = (low + high) >>> 1;
      long run = chunk[2 * mid];
      int first = (int) (run >>> 48);
      int count = (int) (run >>> 32) & 0xffff;
      if (at < first) {
        high = mid - 1;
      } else if (at >= first + count) {
        low = mid + 1;
      } else {
        return chunk[2 * mid + 1] + (at - first) * (run & 0xffff_ffffL);
      }
    }
    return 0;
  }

  /** Pages mostly come in order, so one chunk is kept unpacked while they do. */
  private void open(int block, int chunk) {
    Segment segment = segments[block][chunk / SEGMENT];
    if (segment == null) {
      segment = new Segment();
      segments[block][chunk / SEGMENT] = segment;
    }
    long[] packed = segment.chunks[chunk % SEGMENT];
    if (packed == null) {
      Arrays.fill(open, 0);
    } else if (packed.length == CHUNK) {
      System.arraycopy(packed, 0, open, 0, CHUNK);
    } else {
      for (int at = 0; at < CHUNK; at++) {
        open[at] = word(packed, at);
      }
    }
    openSegment = segment;
    openBlock = block;
    openChunk = chunk;
  }

  private void close() {
    if (openBlock < 0) {
      return;
    }
    long[] runs = new long[CHUNK];
    int words = 0;
    int at = 0;
    while (at < CHUNK && words < CHUNK) {
      long word = open[at];
      if (word == 0) {
        at++;
        continue;
      }
      int first = at++;
      long stride = 0;
      if (at < CHUNK && open[at] >>> KIND_SHIFT == word >>> KIND_SHIFT) {
        stride = open[at] - word;
        if (stride < 0 || stride > 0xffff_ffffL) {
          stride = 0;
        } else {
          while (at < CHUNK
              && open[at] >>> KIND_SHIFT == word >>> KIND_SHIFT
              && open[at] == word + (at - first) * stride) {
            at++;
          }
        }
      }
      runs[words++] = (long) first << 48 | (long) (at - first) << 32 | stride;
      runs[words++] = word;
    }
    boolean scattered = at < CHUNK || words >= CHUNK;
    openSegment.chunks[openChunk % SEGMENT] =
        words == 0 ? null : scattered ? open.clone() : Arrays.copyOf(runs, words);
    openBlock = -1;
    openChunk = -1;
  }
}
