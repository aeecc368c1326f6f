package dev.vmstate.qcow2;

import dev.vmstate.bytes.ByteSource;
import dev.vmstate.bytes.Cursor;
import dev.vmstate.bytes.FormatException;
import dev.vmstate.bytes.Span;
import dev.vmstate.bytes.WindowedSource;
import dev.vmstate.stream.StreamHeader;
import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * The VM state of one internal snapshot: what {@code savevm} wrote behind the end of the virtual
 * disk, byte for byte a migration stream. Clusters that lie one behind the other in the file are
 * read at once. What is not allocated reads as zeros: VM state never comes from the backing file.
 */
public final class VmState implements ByteSource {
  private static final int SUBCLUSTERS = 32;
  private static final int HEAD = 4096;

  /** Decompressed clusters kept in memory, in bytes; two at least. */
  private static final int CACHE = 1 << 20;

  private static final byte[] ZEROS = new byte[1 << 16];

  private final Qcow2Image image;
  private final Qcow2Snapshot snapshot;
  private final String name;
  private final ClusterMap map;
  private final int bits;
  private final Map<Long, byte[]> decompressed;
  private long size;

  VmState(Qcow2Image image, Qcow2Snapshot snapshot, String name) throws IOException {
    this.image = image;
    this.snapshot = snapshot;
    this.name = name;
    this.bits = image.header().clusterBits();
    int most = Math.max(2, CACHE >> bits);
    this.decompressed =
        new LinkedHashMap<>(16, 0.75f, true) {
          private static final long serialVersionUID = 1L;

          @Override
          protected boolean removeEldestEntry(Map.Entry<Long, byte[]> eldest) {
            return size() > most;
          }
        };
    String place =
        "%s: snapshot '%s'".formatted(image.name(), SnapshotTable.shown(snapshot.name()));
    long vmIndex = image.header().l1Index(snapshot.diskSize());
    this.size = snapshot.vmStateSize();
    this.map = new ClusterMap(image, place, snapshot.l1(), vmIndex);
    if (image.header().clusters(size()) > map.clusterCount()) {
      throw new FormatException(
          place,
          snapshot.entry().offset() + Qcow2Snapshot.L1_SIZE_AT,
          "0x%x bytes of VM state behind a disk of 0x%x bytes, but its L1 table of %d entries"
                  .formatted(size(), snapshot.diskSize(), snapshot.l1().length() / 8)
              + " ends before");
    }
    if (mappedRam()) {
      size = Math.max(size, map.end() << bits);
    }
  }

  /**
   * With mapped-ram (QEMU 11) the snapshot table's size is how many bytes savevm transferred, not
   * where the stream ends: the pages have places of their own far behind that. QEMU does not look
   * at the size when it loads.
   */
  private boolean mappedRam() throws IOException {
    try {
      return StreamHeader.decode(Cursor.of(new WindowedSource(this, HEAD)), name).has("mapped-ram");
    } catch (FormatException | EOFException e) {
      return false; // whoever reads the stream says why
    }
  }

  @Override
  public String name() {
    return name;
  }

  @Override
  public long size() {
    return size;
  }

  /** The image it lies in. */
  public Qcow2Image image() {
    return image;
  }

  /** The snapshot it belongs to. */
  public Qcow2Snapshot snapshot() {
    return snapshot;
  }

  /** Where its clusters are; cluster 0 holds its first byte. */
  public ClusterMap map() {
    return map;
  }

  @Override
  public void read(long offset, ByteBuffer into) throws IOException {
    if (offset < 0 || offset > size() - into.remaining()) {
      throw new EOFException(
          "%s: 0x%x+0x%x is past the end 0x%x".formatted(name, offset, into.remaining(), size()));
    }
    readAllocated(offset, into);
  }

  /**
   * Fills {@code into} with whatever is mapped at {@code offset}, be it behind the end of the VM
   * state: a cluster that is copied is copied whole.
   */
  public synchronized void readAllocated(long offset, ByteBuffer into) throws IOException {
    int size = 1 << bits;
    while (into.hasRemaining()) {
      long cluster = offset >>> bits;
      int in = (int) offset & size - 1;
      int part = Math.min(size - in, into.remaining());
      long entry = map.entry(cluster);
      long bitmap = map.bitmap(cluster);
      switch (map.entries().kind(entry, bitmap)) {
        case UNALLOCATED, ZERO -> zeros(into, part);
        case STANDARD -> {
          part = extent(cluster, in, into.remaining());
          readHost(offset, L2Entry.host(entry) + in, part, into);
        }
        case SUBCLUSTERS -> {
          int sub = size / SUBCLUSTERS;
          part = Math.min(part, sub - in % sub);
          if ((bitmap >>> in / sub & 1) != 0) {
            readHost(offset, L2Entry.host(entry) + in, part, into);
          } else {
            zeros(into, part);
          }
        }
        case COMPRESSED -> into.put(decompressed(cluster, entry), in, part);
      }
      offset += part;
    }
  }

  /**
   * How many bytes from {@code in} of a standard cluster on lie in one piece, at most {@code most}.
   */
  private int extent(long cluster, int in, int most) throws IOException {
    int size = 1 << bits;
    long expected = L2Entry.host(map.entry(cluster)) + size;
    int length = size - in;
    while (length < most) {
      cluster++;
      long entry = map.entry(cluster);
      if (map.entries().kind(entry, map.bitmap(cluster)) != L2Entry.Kind.STANDARD
          || L2Entry.host(entry) != expected) {
        break;
      }
      expected += size;
      length += size;
    }
    return Math.min(length, most);
  }

  private void readHost(long offset, long host, int length, ByteBuffer into) throws IOException {
    long there = Math.max(0, Math.min(length, image.file().size() - host));
    if (there < length && offset + there < snapshot.vmStateSize()) {
      throw new FormatException(
          image.name(),
          host + there,
          "the file ends here, at byte 0x%x of 0x%x of the VM state of '%s' (is the file cut short?)"
              .formatted(offset + there, size(), SnapshotTable.shown(snapshot.name())));
    }
    ByteBuffer part = into.slice(into.position(), (int) there);
    image.file().read(host, part);
    into.position(into.position() + (int) there);
    zeros(into, length - (int) there);
  }

  private static void zeros(ByteBuffer into, int length) {
    for (int left = length; left > 0; ) {
      int part = Math.min(left, ZEROS.length);
      into.put(ZEROS, 0, part);
      left -= part;
    }
  }

  private byte[] decompressed(long cluster, long entry) throws IOException {
    byte[] bytes = decompressed.get(cluster);
    if (bytes == null) {
      bytes = new byte[1 << bits];
      Span host = map.entries().hostSpan(entry);
      long there = Math.min(host.length(), image.file().size() - host.offset());
      byte[] data = image.file().bytes(new Span(host.offset(), there));
      String bad = CompressedCluster.decompress(image.header().compressionType(), data, bytes);
      if (!bad.isEmpty()) {
        throw new FormatException(
            image.name(),
            host.offset(),
            "the compressed cluster for byte 0x%x of the VM state %s"
                .formatted(cluster << bits, bad));
      }
      decompressed.put(cluster, bytes);
    }
    return bytes;
  }
}
