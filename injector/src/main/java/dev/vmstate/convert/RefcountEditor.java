package dev.vmstate.convert;

import dev.vmstate.bytes.FormatException;
import dev.vmstate.qcow2.Qcow2Header;
import dev.vmstate.qcow2.Qcow2Image;
import dev.vmstate.qcow2.Refcounts;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.util.Arrays;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Changes refcounts of an image that nobody else uses, and takes new clusters from its end. Blocks
 * of refcounts are made where there are none; the refcount table moves when it is too short. Holds
 * a few MiB of blocks and one word per block; {@link #finish} writes the rest.
 */
final class RefcountEditor {
  private static final int CACHE = 8 << 20;

  private final Qcow2Header header;
  private final Refcounts counts;
  private final FileChannel file;
  private final String name;
  private final Map<Long, ByteBuffer> cached = new LinkedHashMap<>(16, 0.75f, true);
  private final int mostCached;
  private long[] table;
  private long next;

  /** {@code file}: a copy of {@code image}'s file, to be read and written. */
  RefcountEditor(Qcow2Image image, FileChannel file) throws IOException {
    this.header = image.header();
    this.counts = image.refcounts();
    this.file = file;
    this.name = image.file().name();
    this.mostCached = Math.max(4, CACHE >> header.clusterBits());
    this.table = new long[counts.blockCount()];
    for (int i = 0; i < table.length; i++) {
      table[i] = counts.blockAt(i);
    }
    this.next = header.clusters(file.size());
  }

  /** New clusters, one behind the other, each used once; their file offset. */
  long allocate(long clusters) throws IOException {
    long first = next;
    for (long i = first; i < first + clusters; i++) {
      if (get(i) != 0) { // counted, though the file ends before it
        first = i + 1;
      }
    }
    next = first + clusters;
    for (long i = first; i < first + clusters; i++) {
      add(i, 1);
    }
    return first << header.clusterBits();
  }

  private long get(long cluster) throws IOException {
    long index = cluster / counts.perBlock();
    return index < table.length && table[(int) index] != 0
        ? counts.get(block(index), cluster % counts.perBlock())
        : 0;
  }

  /** Changes the count of a cluster. */
  void add(long cluster, int more) throws IOException {
    long index = cluster / counts.perBlock();
    if (index >= table.length) {
      if (index >= Qcow2Header.MOST_REFCOUNT_TABLE_BYTES / 8) {
        throw new FormatException(name, Qcow2Header.REFCOUNT_TABLE_AT, "the image gets too large");
      }
      table = Arrays.copyOf(table, (int) Math.min(index + index / 2 + 64, 1 << 20));
    }
    if (table[(int) index] == 0) {
      long at = next++;
      table[(int) index] = at << header.clusterBits();
      keep(index, ByteBuffer.allocate(header.clusterSize()));
      add(at, 1);
    }
    ByteBuffer block = block(index);
    long at = cluster % counts.perBlock();
    long count = counts.get(block, at);
    if (more > 0 && count == counts.most() || more < 0 && count == 0) {
      throw new FormatException(
          name,
          cluster << header.clusterBits(),
          "the cluster's refcount is %d: %s"
              .formatted(
                  count,
                  more > 0
                      ? "it cannot be shared once more (refcount_bits is too small)"
                      : "the tables are wrong ('qemu-img check')"));
    }
    counts.set(block, at, count + more);
  }

  /** Changes the counts of the clusters that {@code bytes} bytes from {@code offset} on lie in. */
  void addRange(long offset, long bytes, int more) throws IOException {
    if (bytes > 0) {
      long last = offset + bytes - 1 >>> header.clusterBits();
      for (long cluster = offset >>> header.clusterBits(); cluster <= last; cluster++) {
        add(cluster, more);
      }
    }
  }

  private ByteBuffer block(long index) throws IOException {
    ByteBuffer block = cached.get(index);
    if (block == null) {
      block = ByteBuffer.allocate(header.clusterSize());
      CopyFile.read(file, block, table[(int) index]);
      keep(index, block);
    }
    return block;
  }

  private void keep(long index, ByteBuffer block) throws IOException {
    cached.put(index, block);
    if (cached.size() > mostCached) {
      Iterator<Map.Entry<Long, ByteBuffer>> oldest = cached.entrySet().iterator();
      write(oldest.next());
      oldest.remove();
    }
  }

  private void write(Map.Entry<Long, ByteBuffer> block) throws IOException {
    CopyFile.write(file, block.getValue().duplicate().clear(), table[(int) (long) block.getKey()]);
  }

  /** Writes everything; nothing may be changed afterwards. */
  void finish() throws IOException {
    long at = header.refcountTable().offset();
    if (table.length > counts.blockCount()) {
      // Making room for the table may take blocks, and those more room: half a table to spare.
      long clusters = header.clusters(table.length * 8L + table.length * 4L);
      at = allocate(clusters);
      addRange(header.refcountTable().offset(), header.refcountTable().length(), -1);
      if (header.clusters(table.length * 8L) > clusters) {
        throw new FormatException(name, Qcow2Header.REFCOUNT_TABLE_AT, "the table has no room");
      }
      ByteBuffer place = ByteBuffer.allocate(12).putLong(at).putInt((int) clusters).flip();
      CopyFile.write(file, place, Qcow2Header.REFCOUNT_TABLE_AT);
      table = Arrays.copyOf(table, (int) (clusters << header.clusterBits() >>> 3));
    }
    for (Map.Entry<Long, ByteBuffer> block : cached.entrySet()) {
      write(block);
    }
    ByteBuffer words = ByteBuffer.allocate(table.length * 8);
    words.asLongBuffer().put(table);
    CopyFile.write(file, words, at);
  }
}
