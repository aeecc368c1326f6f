package dev.vmstate.inject;

import dev.vmstate.bytes.FormatException;
import dev.vmstate.qcow2.Qcow2Header;
import dev.vmstate.qcow2.Qcow2Image;
import dev.vmstate.qcow2.Refcounts;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Map;
import java.util.TreeMap;

/**
 * Refcounts as they are to be: copies of the blocks that change, and blocks that did not exist.
 * Growth is a run of new clusters behind everything else, in which the missing blocks, and a longer
 * refcount table where the old one ends too early, have to find their places as well: see {@link
 * #grow}.
 */
final class RefcountEdits {
  /** Blocks kept in memory; 64 MiB count 32 million clusters of 16 bits each. */
  private static final long MOST_BYTES = 64 << 20;

  /** Reserved clusters behind the end of the file that are skipped. */
  private static final long MOST_SKIPPED_BYTES = 64 << 20;

  private final Qcow2Image image;
  private final Qcow2Header header;
  private final Refcounts old;
  private final long perBlock;
  private final TreeMap<Long, ByteBuffer> changed = new TreeMap<>();
  private final ClusterSet single = new ClusterSet();
  private long firstNew;
  private long endNew;
  private long newBlocksAt;
  private long newBlocks;
  private long newTableAt;
  private long newTableClusters;

  RefcountEdits(Qcow2Image image) throws IOException {
    this.image = image;
    this.header = image.header();
    this.old = image.refcounts();
    this.perBlock = old.perBlock();
  }

  /** The counts as they are. */
  Refcounts old() {
    return old;
  }

  /** The count as it is to be. */
  long get(long cluster) throws IOException {
    ByteBuffer block = changed.get(cluster / perBlock);
    return block == null ? old.get(cluster) : old.get(block, cluster % perBlock);
  }

  /** One user less. */
  void release(long cluster) throws IOException {
    long count = get(cluster);
    if (count == 0) {
      throw wrong(cluster, "0, but something leads there");
    }
    set(cluster, count - 1);
    if (count == 2) {
      single.add(cluster);
    } else {
      single.remove(cluster);
    }
  }

  /** One user more. */
  void retain(long cluster) throws IOException {
    long count = get(cluster);
    if (count == 0) {
      throw wrong(cluster, "0, but something leads there");
    }
    if (count == old.most()) {
      throw new IOException(
          ("%s: cluster 0x%x is used %d times already, and its refcounts of %d bits hold no more:"
                  + " 'qemu-img convert -o refcount_bits=16' makes an image that does (without its"
                  + " snapshots)")
              .formatted(
                  image.name(),
                  cluster << header.clusterBits(),
                  count,
                  1 << header.refcountOrder()));
    }
    set(cluster, count + 1);
  }

  private FormatException wrong(long cluster, String what) {
    return new FormatException(
        image.name(),
        cluster << header.clusterBits(),
        "the refcount of this cluster is %s: 'qemu-img check -r all' on a copy first"
            .formatted(what));
  }

  /** Clusters that had two users and have one now: whoever is left may say so in its entry. */
  ClusterSet single() {
    return single;
  }

  private void set(long cluster, long count) throws IOException {
    long index = cluster / perBlock;
    ByteBuffer block = changed.get(index);
    if (block == null) {
      if (changed.size() * (long) header.clusterSize() >= MOST_BYTES) {
        throw new IOException(
            image.name() + ": more refcounts would change at once than are kept in memory");
      }
      block =
          old.blockAt(index) == 0 ? ByteBuffer.allocate(header.clusterSize()) : old.block(index);
      changed.put(index, block);
    }
    old.set(block, cluster % perBlock, count);
  }

  /** The first cluster behind the file and behind everything that is counted. */
  long firstFree() throws IOException {
    long inFile = header.clusters(image.file().size());
    long first = inFile;
    for (long index = old.blockCount() - 1L;
        index >= inFile / perBlock && first == inFile;
        index--) {
      if (old.blockAt(index) != 0) {
        ByteBuffer block = old.block(index);
        for (long i = perBlock - 1; i >= 0 && index * perBlock + i >= inFile; i--) {
          if (old.get(block, i) != 0) {
            first = index * perBlock + i + 1;
            break;
          }
        }
      }
    }
    if (first - inFile > MOST_SKIPPED_BYTES >> header.clusterBits()) {
      throw wrong(first - 1, "not 0, but it is far behind the end of the file");
    }
    return first;
  }

  /**
   * Counts {@code clusters} new clusters from {@code first} on once, and behind them what is needed
   * to count them: refcount blocks, and a longer table.
   */
  void grow(long first, long clusters) throws IOException {
    firstNew = first;
    long end = first + clusters;
    long blocks = 0;
    long table = 0;
    for (long last = -1; last != end; ) {
      last = end;
      blocks = 0;
      for (long index = first / perBlock; index <= (end - 1) / perBlock; index++) {
        blocks += old.blockAt(index) == 0 ? 1 : 0;
      }
      long needed = (end - 1) / perBlock + 1;
      table = Math.max(table, needed > old.blockCount() ? header.clusters(needed * 12) : 0);
      end = first + clusters + blocks + table;
    }
    if (table << header.clusterBits() > Qcow2Header.MOST_REFCOUNT_TABLE_BYTES) {
      throw new IOException(
          image.name()
              + ": would become larger than its refcount table can count: use larger clusters"
              + " ('qemu-img convert -o cluster_size=64k', which drops the snapshots)");
    }
    newBlocksAt = first + clusters;
    newBlocks = blocks;
    newTableAt = newBlocksAt + blocks;
    newTableClusters = table;
    endNew = end;
    for (long cluster = first; cluster < end; cluster++) {
      set(cluster, 1);
    }
    if (table > 0) {
      long start = header.refcountTable().offset() >>> header.clusterBits();
      for (long i = 0; i < header.clusters(header.refcountTable().length()); i++) {
        release(start + i);
      }
    }
  }

  /** Behind the last new cluster. */
  long end() {
    return endNew;
  }

  /** Where block {@code index} will stand, in bytes, or 0. */
  private long blockAt(long index) {
    if (old.blockAt(index) != 0 || newBlocks == 0) {
      return old.blockAt(index);
    }
    long before = 0;
    for (long i = firstNew / perBlock; i < index; i++) {
      before += old.blockAt(i) == 0 ? 1 : 0;
    }
    return index < firstNew / perBlock || before >= newBlocks
        ? 0
        : newBlocksAt + before << header.clusterBits();
  }

  /** Appends the new blocks and the new table, in file order. */
  void append(StreamTarget target) throws IOException {
    for (Map.Entry<Long, ByteBuffer> block : changed.entrySet()) {
      if (old.blockAt(block.getKey()) == 0) {
        target.append(block.getValue().duplicate().clear());
      }
    }
    if (newTableClusters > 0) {
      ByteBuffer table = ByteBuffer.allocate((int) (newTableClusters << header.clusterBits()));
      for (long index = 0; index < (endNew - 1) / perBlock + 1; index++) {
        table.putLong((int) index * 8, blockAt(index));
      }
      target.append(table);
    }
  }

  /** Tells what changes in old blocks, in the table, and in the header. */
  void patch(HostPatches target) throws IOException {
    for (Map.Entry<Long, ByteBuffer> entry : changed.entrySet()) {
      long index = entry.getKey();
      if (old.blockAt(index) != 0) {
        target.differences(old.blockAt(index), old.block(index), entry.getValue());
      } else if (newTableClusters == 0) {
        target.u64(header.refcountTable().offset() + 8 * index, blockAt(index));
      }
    }
    if (newTableClusters > 0) {
      target.u64(Qcow2Header.REFCOUNT_TABLE_AT, newTableAt << header.clusterBits());
      target.u32(Qcow2Header.REFCOUNT_TABLE_AT + 8, newTableClusters);
    }
  }
}
