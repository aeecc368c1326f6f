package dev.vmstate.qcow2;

import dev.vmstate.bytes.FormatException;
import dev.vmstate.bytes.Span;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * How often each host cluster is used: 0 free, 1 by one, more shared. The refcount table leads to
 * refcount blocks of one cluster each; a block that does not exist counts as zeros. Entries are 1
 * to 64 bits wide; those narrower than a byte fill it from its lowest bit on. Not thread-safe.
 */
public final class Refcounts {
  private static final int CACHE = 4 << 20;
  private static final long RESERVED = 0x1ff;

  private final Qcow2Image image;
  private final Qcow2Header header;
  private final long[] blocks;
  private final Map<Integer, ByteBuffer> cache;

  Refcounts(Qcow2Image image) throws IOException {
    this.image = image;
    this.header = image.header();
    int most = Math.max(2, CACHE >> header.clusterBits());
    this.cache =
        new LinkedHashMap<>(16, 0.75f, true) {
          private static final long serialVersionUID = 1L;

          @Override
          protected boolean removeEldestEntry(Map.Entry<Integer, ByteBuffer> eldest) {
            return size() > most;
          }
        };
    Span table = header.refcountTable();
    this.blocks = new long[(int) (table.length() / 8)];
    image.file().read(table).asLongBuffer().get(blocks);
    check(table);
  }

  private void check(Span table) throws FormatException {
    String place = image.name() + ": refcount table";
    for (int i = 0; i < blocks.length; i++) {
      long offset = blocks[i];
      if (offset == 0) {
        continue;
      }
      long at = table.offset() + 8L * i;
      if ((offset & RESERVED) != 0
          || (offset & (header.clusterSize() - 1)) != 0
          || offset < 0
          || offset > image.file().size() - header.clusterSize()) {
        throw new FormatException(
            place,
            at,
            "a refcount block at 0x%x, a multiple of 0x%x inside the file expected"
                .formatted(offset, header.clusterSize()));
      }
      String taken = image.reserved().at(offset, header.clusterSize());
      if (!taken.isEmpty()) {
        throw new FormatException(
            place, at, "a refcount block at 0x%x, inside %s".formatted(offset, taken));
      }
    }
    long[] sorted = blocks.clone();
    Arrays.sort(sorted);
    for (int i = 1; i < sorted.length; i++) {
      if (sorted[i] != 0 && sorted[i] == sorted[i - 1]) {
        throw new FormatException(
            place,
            table.offset(),
            "two entries lead to the refcount block at 0x%x".formatted(sorted[i]));
      }
    }
  }

  /** Entries of the refcount table: blocks that exist or could. */
  public int blockCount() {
    return blocks.length;
  }

  /** Where block {@code index} stands, or 0 when it does not exist. */
  public long blockAt(long index) {
    return index < blocks.length ? blocks[(int) index] : 0;
  }

  /** How many clusters one block counts: cluster n is counted by block n / this. */
  public long perBlock() {
    return header.clusterSize() * 8L >> header.refcountOrder();
  }

  /** The largest count an entry holds; unsigned where it has 64 bits. */
  public long most() {
    return header.refcountOrder() == 6 ? -1 : (1L << (1 << header.refcountOrder())) - 1;
  }

  /** The count of host cluster {@code cluster} (offset / cluster size). */
  public long get(long cluster) throws IOException {
    long at = blockAt(cluster / perBlock());
    if (at == 0) {
      return 0;
    }
    int index = (int) (cluster / perBlock());
    ByteBuffer block = cache.get(index);
    if (block == null) {
      block = block(index);
      cache.put(index, block);
    }
    return get(block, cluster % perBlock());
  }

  /** A copy of block {@code index}, which exists. */
  public ByteBuffer block(long index) throws IOException {
    return image.file().read(new Span(blockAt(index), header.clusterSize()));
  }

  /** Entry {@code index} of a block. */
  public long get(ByteBuffer block, long index) {
    int at = (int) (index << header.refcountOrder() >>> 3);
    return switch (header.refcountOrder()) {
      case 6 -> block.getLong(at);
      case 5 -> block.getInt(at) & 0xffff_ffffL;
      case 4 -> block.getShort(at) & 0xffffL;
      case 3 -> block.get(at) & 0xffL;
      default -> block.get(at) >>> shift(index) & most();
    };
  }

  /** Sets entry {@code index} of a block. */
  public void set(ByteBuffer block, long index, long count) {
    int at = (int) (index << header.refcountOrder() >>> 3);
    switch (header.refcountOrder()) {
      case 6 -> block.putLong(at, count);
      case 5 -> block.putInt(at, (int) count);
      case 4 -> block.putShort(at, (short) count);
      case 3 -> block.put(at, (byte) count);
      default -> {
        long others = block.get(at) & ~(most() << shift(index));
        block.put(at, (byte) (others | count << shift(index)));
      }
    }
  }

  /** Where an entry narrower than a byte stands in it. */
  private int shift(long index) {
    return (int) (index << header.refcountOrder() & 7);
  }
}
