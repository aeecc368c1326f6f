package dev.vmstate.qcow2;

import dev.vmstate.bytes.FormatException;
import dev.vmstate.bytes.Span;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * From clusters of the virtual disk to their L2 entries, through one L1 table from some entry on.
 * Cluster 0 is the first one that entry maps. Every entry is checked before it is believed: offsets
 * are aligned and inside the file, no L2 table serves twice, nothing leads into the image's own
 * tables. Not thread-safe.
 */
public final class ClusterMap {
  /** Bytes of L2 tables kept in memory; two tables at least. */
  private static final int CACHE = 4 << 20;

  private static final int STEP = 1 << 16;
  private static final long L1_RESERVED = 0x7f00_0000_0000_01ffL;

  private final Qcow2Image image;
  private final Qcow2Header header;
  private final String place;
  private final Span l1;
  private final long first;
  private final long[] tables;
  private final long[] sorted;
  private final L2Entry entries;
  private final Map<Long, ByteBuffer> cache;

  /**
   * Reads the L1 table from its entry {@code first} on.
   *
   * @param place what messages call it
   */
  ClusterMap(Qcow2Image image, String place, Span l1, long first) throws IOException {
    this.image = image;
    this.header = image.header();
    this.place = place;
    this.l1 = l1;
    this.first = first;
    this.entries = new L2Entry(header);
    int most = Math.max(2, CACHE >> header.clusterBits());
    this.cache =
        new LinkedHashMap<>(16, 0.75f, true) {
          private static final long serialVersionUID = 1L;

          @Override
          protected boolean removeEldestEntry(Map.Entry<Long, ByteBuffer> eldest) {
            return size() > most;
          }
        };
    this.tables = new long[(int) Math.max(0, l1.length() / 8 - first)];
    for (int i = 0; i < tables.length; i += STEP) {
      int count = Math.min(STEP, tables.length - i);
      Span part = new Span(l1.offset() + (first + i) * 8, count * 8L);
      image.file().read(part).asLongBuffer().get(tables, i, count);
    }
    this.sorted = new long[tables.length];
    checkTables();
  }

  private void checkTables() throws FormatException {
    for (int i = 0; i < tables.length; i++) {
      long offset = tables[i] & L2Entry.OFFSET_MASK;
      if ((tables[i] & L1_RESERVED) != 0 || (offset & (header.clusterSize() - 1)) != 0) {
        throw badTable(i, "reserved bits are set, or it is no multiple of the cluster size");
      }
      if (offset > image.file().size() - header.clusterSize()) {
        throw badTable(i, "its L2 table leaves the file (is the file cut short?)");
      }
      String taken = offset == 0 ? "" : image.reserved().at(offset, header.clusterSize());
      if (!taken.isEmpty()) {
        throw badTable(i, "leads into " + taken);
      }
      sorted[i] = offset;
    }
    Arrays.sort(sorted);
    for (int i = 1; i < sorted.length; i++) {
      if (sorted[i] != 0 && sorted[i] == sorted[i - 1]) {
        throw new FormatException(
            place,
            l1.offset(),
            "two entries of the L1 table lead to the L2 table at 0x%x".formatted(sorted[i]));
      }
    }
  }

  private FormatException badTable(int i, String why) {
    return new FormatException(place, l1EntryAt(i), "L1 entry 0x%x: %s".formatted(tables[i], why));
  }

  /** How many L2 tables the L1 table has room for. */
  public int tableCount() {
    return tables.length;
  }

  /** One more than the last cluster that has an entry. */
  public long end() throws IOException {
    for (int table = tables.length; table-- > 0; ) {
      if (tableAt(table) != 0) {
        long first = (long) table << header.l2Bits();
        for (long cluster = first + (1L << header.l2Bits()); cluster-- > first; ) {
          if (entry(cluster) != 0 || bitmap(cluster) != 0) {
            return cluster + 1;
          }
        }
      }
    }
    return 0;
  }

  /** How many clusters they map. */
  public long clusterCount() {
    return (long) tables.length << header.l2Bits();
  }

  /** Where L1 entry {@code table}, counted from the first one this maps, stands in the file. */
  public long l1EntryAt(int table) {
    return l1.offset() + (first + table) * 8;
  }

  /** Where L2 table {@code table} stands, or 0 when there is none. */
  public long tableAt(int table) {
    return tables[table] & L2Entry.OFFSET_MASK;
  }

  /** The L2 table that maps {@code cluster}. */
  public int tableOf(long cluster) {
    return (int) (cluster >>> header.l2Bits());
  }

  /** Where the L2 entry of {@code cluster} stands; its table has to be there. */
  public long entryAt(long cluster) {
    return tableAt(tableOf(cluster)) + inTable(cluster);
  }

  private int inTable(long cluster) {
    return (int) (cluster & (1 << header.l2Bits()) - 1) * header.l2EntryBytes();
  }

  private ByteBuffer table(long at) throws IOException {
    ByteBuffer table = cache.get(at);
    if (table == null) {
      table = image.file().read(new Span(at, header.clusterSize()));
      cache.put(at, table);
    }
    return table;
  }

  /** The L2 entry of {@code cluster}, checked; 0 where no table maps it. */
  public long entry(long cluster) throws IOException {
    if (cluster >= clusterCount() || tableAt(tableOf(cluster)) == 0) {
      return 0;
    }
    long entry = table(tableAt(tableOf(cluster))).getLong(inTable(cluster));
    long bitmap = bitmap(cluster);
    if ((entry | bitmap) == 0) {
      return 0;
    }
    entries.check(place, entryAt(cluster), entry, bitmap);
    checkHost(cluster, entry);
    return entry;
  }

  /** The second word of an extended L2 entry; 0 where there is none. */
  public long bitmap(long cluster) throws IOException {
    if (!header.extendedL2() || cluster >= clusterCount() || tableAt(tableOf(cluster)) == 0) {
      return 0;
    }
    return table(tableAt(tableOf(cluster))).getLong(inTable(cluster) + 8);
  }

  /** What an entry and its bitmap say. */
  public L2Entry entries() {
    return entries;
  }

  private void checkHost(long cluster, long entry) throws FormatException {
    Span host = entries.hostSpan(entry);
    if (host.length() == 0) {
      return;
    }
    String why = "";
    if (host.offset() >= image.file().size()) {
      why = "past the end of the file (is the file cut short?)";
    } else {
      String taken = image.reserved().at(host.offset(), host.length());
      if (!taken.isEmpty()) {
        why = "leads into " + taken;
      } else if (leadsToTable(host)) {
        why = "leads into an L2 table";
      }
    }
    if (!why.isEmpty()) {
      throw new FormatException(place, entryAt(cluster), "L2 entry 0x%x: %s".formatted(entry, why));
    }
  }

  private boolean leadsToTable(Span host) {
    long from = host.offset() & -header.clusterSize();
    int at = Arrays.binarySearch(sorted, from);
    int next = at >= 0 ? at : -at - 1;
    return next < sorted.length && sorted[next] < host.end();
  }
}
