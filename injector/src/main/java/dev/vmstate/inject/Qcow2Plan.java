package dev.vmstate.inject;

import dev.vmstate.bytes.FormatException;
import dev.vmstate.bytes.Patch;
import dev.vmstate.bytes.Span;
import dev.vmstate.qcow2.ClusterMap;
import dev.vmstate.qcow2.L2Entry;
import dev.vmstate.qcow2.Qcow2Header;
import dev.vmstate.qcow2.Qcow2Image;
import dev.vmstate.qcow2.Qcow2Snapshot;
import dev.vmstate.qcow2.Refcounts;
import dev.vmstate.qcow2.VmState;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.stream.IntStream;
import java.util.stream.LongStream;

/**
 * Which clusters of an image edits of one VM state need, decided before anything is told.
 *
 * <p>A cluster of VM state that is written to keeps its host cluster when that is a whole standard
 * one nobody else uses (refcount 1, and its L2 table's too). Every other one (shared with another
 * snapshot or with the active disk after loadvm, compressed, zero, not there yet) gets a new host
 * cluster, and the old one loses a user. An L2 table that is shared is copied the same way. New
 * clusters are one run behind the end of the file: data, L2 tables, an L1 table when the old one is
 * too short, refcount blocks, refcount table.
 */
final class Qcow2Plan {
  private final VmState state;
  private final Qcow2Image image;
  private final Qcow2Header header;
  private final ClusterMap map;
  private final ClusterMap active;
  private final RefcountEdits refcounts;
  private final long appendAt;
  private final long growth;
  private final long shrinks;
  private final ClusterSet replaced = new ClusterSet();
  private final ClusterSet kept = new ClusterSet();
  private final ClusterSet newTables = new ClusterSet();
  private final ClusterSet changedTables = new ClusterSet();
  private final long firstNew;
  private final long l1Entries;
  private final long newL1Clusters;
  private final boolean isEmpty;

  Qcow2Plan(VmState state, StreamEdits edits) throws IOException {
    this.state = state;
    this.image = state.image();
    this.header = image.header();
    this.map = state.map();
    this.active = image.activeMap();
    this.refcounts = new RefcountEdits(image);
    this.appendAt = edits.appendAt();
    this.shrinks = edits.shrinks();
    Touched touched = new Touched();
    edits.tell(touched);
    this.growth = touched.appended;
    if (growth > 0) {
      touched.add(appendAt, newSize() - appendAt);
    }
    long[] taken = takenClusters();
    touched.clusters.visit(cluster -> decide(cluster, taken));
    changedTables.visit(this::decideTable);
    long entries = snapshot().l1().length() / 8;
    this.l1Entries =
        growth == 0 ? entries : Math.max(entries, vmIndex() + map.tableOf(lastCluster()) + 1);
    if (l1Entries * 8 > Qcow2Header.MOST_L1_BYTES) {
      throw new IOException(
          "%s: the VM state would need an L1 table of more than 32 MiB, which QEMU refuses"
              .formatted(state.name()));
    }
    this.newL1Clusters =
        header.clusters(l1Entries * 8) > header.clusters(entries * 8)
            ? header.clusters(l1Entries * 8)
            : 0;
    if (newL1Clusters > 0) {
      for (long i = 0; i < header.clusters(entries * 8); i++) {
        refcounts.release((snapshot().l1().offset() >>> header.clusterBits()) + i);
      }
    }
    this.firstNew = refcounts.firstFree();
    long clusters = replaced.size() + newTables.size() + newL1Clusters;
    if (clusters > 0) {
      refcounts.grow(firstNew, clusters);
    }
    this.isEmpty = touched.clusters.size() == 0;
  }

  /** Collects what is written to, and how much is appended. */
  private final class Touched implements StreamTarget {
    private final ClusterSet clusters = new ClusterSet();
    private long appended;

    private void add(long at, long length) {
      for (long c = at >>> header.clusterBits(); length > 0 && c <= last(at, length); c++) {
        clusters.add(c);
      }
    }

    private long last(long at, long length) {
      return at + length - 1 >>> header.clusterBits();
    }

    @Override
    public void patch(Patch patch) {
      add(patch.where().offset(), patch.where().length());
    }

    @Override
    public void append(ByteBuffer bytes) {
      appended += bytes.remaining();
    }
  }

  /** Clusters of tables that no data may stand in, beyond those every reader knows. */
  private long[] takenClusters() {
    Refcounts old = refcounts.old();
    return LongStream.concat(
            LongStream.range(0, old.blockCount()).map(old::blockAt),
            IntStream.range(0, active.tableCount()).mapToLong(active::tableAt))
        .filter(at -> at != 0)
        .sorted()
        .toArray();
  }

  private void decide(long cluster, long[] taken) throws IOException {
    int table = map.tableOf(cluster);
    long entry = map.entry(cluster);
    long tableAt = table < map.tableCount() ? map.tableAt(table) : 0;
    long users = tableAt == 0 ? 1 : refcounts.old().get(tableAt >>> header.clusterBits());
    Span host = map.entries().hostSpan(entry);
    long first = host.offset() >>> header.clusterBits();
    long end = first + (host.length() == 0 ? 0 : header.clusters(host.end()) - first);
    for (long at = first; at < end; at++) {
      check(cluster, entry, at, users, taken);
    }
    if (map.entries().kind(entry, map.bitmap(cluster)) == L2Entry.Kind.STANDARD
        && users == 1
        && refcounts.old().get(first) == 1) {
      if (!kept.add(first)) {
        throw taken(cluster, entry);
      }
      return;
    }
    replaced.add(cluster);
    changedTables.add(table);
    for (long at = first; at < end; at++) {
      refcounts.release(at);
    }
  }

  /** Whoever uses a table uses what it leads to, so that cannot have fewer users. */
  private void check(long cluster, long entry, long host, long users, long[] taken)
      throws IOException {
    if (Arrays.binarySearch(taken, host << header.clusterBits()) >= 0) {
      throw taken(cluster, entry);
    }
    long count = refcounts.old().get(host);
    if (users == 0 || Long.compareUnsigned(count, users) < 0) {
      throw new FormatException(
          image.name(),
          map.entryAt(cluster),
          ("this L2 entry leads to a cluster with refcount %s from a table with refcount %s:"
                  + " 'qemu-img check -r all' on a copy first")
              .formatted(Long.toUnsignedString(count), Long.toUnsignedString(users)));
    }
  }

  private FormatException taken(long cluster, long entry) {
    return new FormatException(
        image.name(),
        map.entryAt(cluster),
        "L2 entry 0x%x leads to a cluster that something else stands in".formatted(entry));
  }

  private void decideTable(long table) throws IOException {
    long at = table < map.tableCount() ? map.tableAt((int) table) >>> header.clusterBits() : 0;
    if (at == 0) {
      newTables.add(table);
    } else if (refcounts.old().get(at) != 1) {
      refcounts.release(at);
      newTables.add(table);
    }
  }

  /** Whether there is nothing to do at all. */
  boolean isEmpty() {
    return isEmpty;
  }

  VmState state() {
    return state;
  }

  Qcow2Snapshot snapshot() {
    return state.snapshot();
  }

  /** The clusters of the active disk. */
  ClusterMap active() {
    return active;
  }

  Qcow2Header header() {
    return header;
  }

  RefcountEdits refcounts() {
    return refcounts;
  }

  /** Where appended records go, in the VM state. */
  long appendAt() {
    return appendAt;
  }

  /** How many bytes are appended. */
  long growth() {
    return growth;
  }

  /** Bytes of VM state afterwards. */
  long newSize() {
    return state.size() + growth - shrinks;
  }

  private long lastCluster() {
    return newSize() - 1 >>> header.clusterBits();
  }

  /** The L1 entry the VM state begins at. */
  long vmIndex() {
    return header.l1Index(snapshot().diskSize());
  }

  /** Clusters that get a new host cluster. */
  ClusterSet replaced() {
    return replaced;
  }

  /** L2 tables, counted from the VM state's first one, that are written to a new cluster. */
  ClusterSet newTables() {
    return newTables;
  }

  /** All L2 tables in which an entry changes. */
  ClusterSet changedTables() {
    return changedTables;
  }

  /** The first new host cluster. */
  long firstNew() {
    return firstNew;
  }

  /** Where the bytes of {@code cluster} stand afterwards. */
  long host(long cluster) throws IOException {
    return replaced.contains(cluster)
        ? firstNew + replaced.rank(cluster) << header.clusterBits()
        : L2Entry.host(map.entry(cluster));
  }

  /** Where new L2 table {@code table} stands. */
  long newTableAt(long table) {
    return firstNew + replaced.size() + newTables.rank(table) << header.clusterBits();
  }

  /** Entries of the snapshot's L1 table afterwards. */
  long l1Entries() {
    return l1Entries;
  }

  /** Whether the L1 table moves. */
  boolean l1Moves() {
    return newL1Clusters > 0;
  }

  /** Where the L1 table stands afterwards. */
  long l1At() {
    return l1Moves()
        ? firstNew + replaced.size() + newTables.size() << header.clusterBits()
        : snapshot().l1().offset();
  }

  /** Bytes of the clusters a new L1 table takes. */
  long newL1Bytes() {
    return newL1Clusters << header.clusterBits();
  }
}
