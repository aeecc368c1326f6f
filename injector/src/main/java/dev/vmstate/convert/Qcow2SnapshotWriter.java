package dev.vmstate.convert;

import dev.vmstate.bytes.FormatException;
import dev.vmstate.bytes.Span;
import dev.vmstate.bytes.UnsupportedFormatException;
import dev.vmstate.qcow2.L2Entry;
import dev.vmstate.qcow2.Qcow2Header;
import dev.vmstate.qcow2.Qcow2Image;
import dev.vmstate.qcow2.Qcow2Snapshot;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.List;

/**
 * Puts a stream into a qcow2 image as a new internal snapshot, as {@code savevm} does: the disk as
 * it is now belongs to the snapshot, its clusters are shared from then on; the stream lies behind
 * the end of the disk, seen through the snapshot's own L1 table. Works on a copy of the image that
 * nobody else uses.
 *
 * <p>Source: {@code block/qcow2-snapshot.c}, qcow2_snapshot_create, and {@code
 * block/qcow2-refcount.c}, qcow2_update_snapshot_refcount.
 */
public final class Qcow2SnapshotWriter {
  /** QEMU keeps names in 256 bytes with a NUL. */
  private static final int LONGEST_NAME = 255;

  private static final int ENTRY = 40;
  private static final int EXTRA = 24;

  /** Whoever has the stream. */
  public interface Stream {
    /** Writes all of it. */
    void writeTo(OutputStream out) throws IOException;
  }

  /**
   * How the snapshot is called.
   *
   * @param vmClock nanoseconds the guest had run
   */
  public record Label(String name, Instant date, long vmClock) {}

  private final Qcow2Image image;
  private final Qcow2Header header;
  private final FileChannel file;
  private final RefcountEditor refcounts;

  private Qcow2SnapshotWriter(Qcow2Image image, FileChannel file) throws IOException {
    this.image = image;
    this.header = image.header();
    this.file = file;
    this.refcounts = new RefcountEditor(image, file);
  }

  /**
   * Refuses an image no snapshot can be put into, or where there is one of that name.
   *
   * @throws IOException with the reason
   */
  public static void check(Qcow2Image image, String name) throws IOException {
    Qcow2Header header = image.header();
    String place = image.file().name();
    if (!image.warnings().isEmpty()) {
      throw new UnsupportedFormatException(place, 0, image.warnings().get(0));
    }
    if (header.encryption().isPresent()) {
      throw new UnsupportedFormatException(
          place,
          32,
          "the image is encrypted (%s), VM state has to be too, and there is no key here"
              .formatted(header.encryption().get()));
    }
    if (header.externalData()) {
      throw new UnsupportedFormatException(
          place,
          72,
          "the image keeps its data in another file, where QEMU allows no internal snapshots");
    }
    if (header.snapshotCount() >= Qcow2Header.MOST_SNAPSHOTS) {
      throw new FormatException(place, Qcow2Header.NB_SNAPSHOTS_AT, "it is full of snapshots");
    }
    byte[] bytes = name.getBytes(StandardCharsets.UTF_8);
    if (bytes.length == 0 || bytes.length > LONGEST_NAME) {
      throw new IOException(
          "'%s': a snapshot's name has 1 to %d bytes".formatted(name, LONGEST_NAME));
    }
    for (Qcow2Snapshot snapshot : image.snapshots()) {
      if (snapshot.name().equals(name) || snapshot.id().equals(name)) {
        throw new IOException(
            "%s: has a snapshot '%s' already; it has %s".formatted(place, name, image.list()));
      }
    }
  }

  /**
   * Writes the snapshot.
   *
   * @param image the image, checked by {@link #check}
   * @param file a copy of its file
   */
  public static void write(Qcow2Image image, FileChannel file, Label label, Stream stream)
      throws IOException {
    new Qcow2SnapshotWriter(image, file).write(label, stream);
  }

  private void write(Label label, Stream stream) throws IOException {
    VmStateOutput vmState = new VmStateOutput(header, refcounts, file);
    stream.writeTo(vmState);
    List<Long> tables = vmState.finish();
    int disk = Math.toIntExact(header.l1Index(header.diskSize()));
    long entries = disk + (long) tables.size();
    if (entries * 8 > Qcow2Header.MOST_L1_BYTES) {
      throw new FormatException(
          image.file().name(),
          Qcow2Header.L1_SIZE_AT,
          "an L1 table of %d entries would be needed: use larger clusters".formatted(entries));
    }
    ByteBuffer l1 = ByteBuffer.allocate((int) entries * 8);
    shareDisk(disk, l1);
    tables.forEach(l1::putLong);
    long l1At = refcounts.allocate(header.clusters(l1.capacity()));
    padded(l1.flip(), l1At);
    table(entry(label, l1At, (int) entries, vmState.size()));
    refcounts.finish();
    if (header.version() >= 3) {
      long autoclear = header.autoclear() & Qcow2Header.KNOWN_AUTOCLEAR;
      CopyFile.write(
          file, ByteBuffer.allocate(8).putLong(autoclear).flip(), Qcow2Header.AUTOCLEAR_AT);
    }
  }

  /** Copies the L1 entries of the disk; every cluster they lead to is used once more. */
  private void shareDisk(int entries, ByteBuffer l1) throws IOException {
    long at = header.l1Offset();
    L2Entry kinds = new L2Entry(header);
    ByteBuffer active = ByteBuffer.allocate(entries * 8);
    CopyFile.read(file, active, at);
    for (int i = 0; i < entries; i++) {
      long table = active.getLong(i * 8) & L2Entry.OFFSET_MASK;
      l1.putLong(table);
      if (table != 0) {
        refcounts.add(table >>> header.clusterBits(), 1);
        shareTable(table, kinds);
        active.putLong(i * 8, table);
      }
    }
    CopyFile.write(file, active.clear(), at);
  }

  private void shareTable(long at, L2Entry kinds) throws IOException {
    String place = image.file().name() + ": an L2 table of the disk";
    if (at > image.file().size() - header.clusterSize()
        || (at & (header.clusterSize() - 1)) != 0
        || !image.reserved().at(at, header.clusterSize()).isEmpty()) {
      throw new FormatException(place, at, "no place for a table ('qemu-img check')");
    }
    ByteBuffer table = ByteBuffer.allocate(header.clusterSize());
    CopyFile.read(file, table, at);
    boolean changed = false;
    for (int i = 0; i < table.limit(); i += header.l2EntryBytes()) {
      long entry = table.getLong(i);
      if (entry == 0) {
        continue;
      }
      kinds.check(place, at + i, entry, header.extendedL2() ? table.getLong(i + 8) : 0);
      Span host = kinds.hostSpan(entry);
      if (host.end() > image.file().size() + header.clusterSize()) {
        throw new FormatException(
            place, at + i, "L2 entry 0x%x: past the end of the file".formatted(entry));
      }
      refcounts.addRange(host.offset(), host.length(), 1);
      if ((entry & L2Entry.COPIED) != 0) {
        table.putLong(i, entry & ~L2Entry.COPIED);
        changed = true;
      }
    }
    if (changed) {
      CopyFile.write(file, table, at);
    }
  }

  private ByteBuffer entry(Label label, long l1At, int l1Size, long bytes) {
    byte[] id = Long.toString(nextId()).getBytes(StandardCharsets.US_ASCII);
    byte[] name = label.name().getBytes(StandardCharsets.UTF_8);
    ByteBuffer entry = ByteBuffer.allocate(ENTRY + EXTRA + id.length + name.length + 7 & ~7);
    return entry
        .putLong(l1At)
        .putInt(l1Size)
        .putShort((short) id.length)
        .putShort((short) name.length)
        .putInt((int) label.date().getEpochSecond())
        .putInt(label.date().getNano())
        .putLong(label.vmClock())
        .putInt(bytes > 0xffff_ffffL ? 0 : (int) bytes)
        .putInt(EXTRA)
        .putLong(bytes)
        .putLong(header.diskSize())
        .putLong(-1) // icount: the guest ran without
        .put(id)
        .put(name)
        .clear();
  }

  private long nextId() {
    long highest = 0;
    for (Qcow2Snapshot snapshot : image.snapshots()) {
      if (snapshot.id().matches("\\d{1,9}")) {
        highest = Math.max(highest, Long.parseLong(snapshot.id()));
      }
    }
    return highest + 1;
  }

  /** The old snapshot table with one more entry, in clusters of its own. */
  private void table(ByteBuffer entry) throws IOException {
    Span old = image.table().span();
    int before = Math.toIntExact(old.length() + 7 & ~7);
    ByteBuffer table = ByteBuffer.allocate(before + entry.remaining());
    table.limit((int) old.length());
    CopyFile.read(file, table, old.offset());
    table.limit(table.capacity()).position(before);
    table.put(entry).flip();
    long at = refcounts.allocate(header.clusters(table.remaining()));
    padded(table, at);
    refcounts.addRange(old.offset(), old.length(), -1);
    ByteBuffer place = ByteBuffer.allocate(12).putInt(header.snapshotCount() + 1).putLong(at);
    CopyFile.write(file, place.flip(), Qcow2Header.NB_SNAPSHOTS_AT);
  }

  /** Writes whole clusters, so that the file never ends inside one. */
  private void padded(ByteBuffer bytes, long at) throws IOException {
    long length = header.clusters(bytes.remaining()) << header.clusterBits();
    ByteBuffer whole = ByteBuffer.allocate(Math.toIntExact(length));
    CopyFile.write(file, whole.put(bytes).clear(), at);
  }
}
