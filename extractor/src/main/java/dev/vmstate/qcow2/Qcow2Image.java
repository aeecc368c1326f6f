package dev.vmstate.qcow2;

import dev.vmstate.bytes.Span;
import dev.vmstate.bytes.UnsupportedFormatException;
import dev.vmstate.container.FileSource;
import java.io.Closeable;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * A qcow2 image, opened read-only: header, snapshot table, and the VM state of its snapshots. The
 * header and every snapshot's entry are checked when it is opened, other tables when they are
 * needed.
 */
public final class Qcow2Image implements Closeable {
  private final Path path;
  private final FileSource file;
  private final Qcow2Header header;
  private final SnapshotTable table;
  private final ReservedRanges reserved;

  private Qcow2Image(Path path, FileSource file) throws IOException {
    this.path = path;
    this.file = file;
    this.header = Qcow2Header.decode(file);
    this.table = SnapshotTable.decode(file, header);
    this.reserved = new ReservedRanges(file.name(), ranges());
  }

  /** Whether a file that starts with {@code front} is a qcow2 image. */
  public static boolean startsWith(ByteBuffer front) {
    return front.remaining() >= 4 && front.getInt(front.position()) == Qcow2Header.MAGIC;
  }

  /** Whether {@code file} is a qcow2 image. */
  public static boolean is(Path file) throws IOException {
    if (!Files.isRegularFile(file)) {
      return false;
    }
    try (FileSource source = new FileSource(file)) {
      return source.size() >= 4 && startsWith(source.read(new Span(0, 4)));
    }
  }

  /**
   * Opens an image.
   *
   * @throws dev.vmstate.bytes.FormatException when header or snapshot table are wrong
   */
  public static Qcow2Image open(Path path) throws IOException {
    return of(path, new FileSource(path));
  }

  /** An image in an open file; the image closes it. */
  public static Qcow2Image of(Path path, FileSource file) throws IOException {
    try {
      return new Qcow2Image(path, file);
    } catch (IOException | RuntimeException e) {
      file.close();
      throw e;
    }
  }

  private List<ReservedRanges.Range> ranges() {
    List<ReservedRanges.Range> all = new ArrayList<>();
    all.add(range("the header", 0, 1));
    all.add(range("the active L1 table", header.l1Offset(), header.l1Size() * 8));
    Span refcounts = header.refcountTable();
    all.add(range("the refcount table", refcounts.offset(), refcounts.length()));
    all.add(range("the snapshot table", table.span().offset(), table.span().length()));
    for (Qcow2Snapshot snapshot : table.snapshots()) {
      String what = "the L1 table of '%s'".formatted(SnapshotTable.shown(snapshot.name()));
      all.add(range(what, snapshot.l1().offset(), snapshot.l1().length()));
    }
    return all;
  }

  private ReservedRanges.Range range(String what, long start, long bytes) {
    long end = start + (header.clusters(bytes) << header.clusterBits());
    return new ReservedRanges.Range(what, start, end);
  }

  /** The path, for messages. */
  public String name() {
    return file.name();
  }

  /** Where it is. */
  public Path path() {
    return path;
  }

  /** The file's bytes. */
  public FileSource file() {
    return file;
  }

  public Qcow2Header header() {
    return header;
  }

  /** Where the snapshot table is, and its entries in table order. */
  public SnapshotTable table() {
    return table;
  }

  /** Its snapshots, in table order. */
  public List<Qcow2Snapshot> snapshots() {
    return table.snapshots();
  }

  /** The snapshots' names and ids in one line, for messages. */
  public String list() {
    return snapshots().isEmpty() ? "none" : SnapshotTable.list(snapshots());
  }

  /** Where header and fixed tables stand. */
  public ReservedRanges reserved() {
    return reserved;
  }

  /** The refcounts; their table is read and checked now. */
  public Refcounts refcounts() throws IOException {
    return new Refcounts(this);
  }

  /** The clusters of the disk as it is now, from its first one on; its L1 table is checked now. */
  public ClusterMap activeMap() throws IOException {
    Span l1 = new Span(header.l1Offset(), header.l1Size() * 8);
    return new ClusterMap(this, name() + ": active disk", l1, 0);
  }

  /** Why what is read may be wrong or the image must not be written to, in words. */
  public List<String> warnings() {
    List<String> all = new ArrayList<>();
    if (header.dirty()) {
      all.add(
          "dirty: it was not closed properly, refcounts may be wrong ('qemu-img check -r all')");
    }
    if (header.corrupt()) {
      all.add("corrupt: QEMU found its tables wrong ('qemu-img check -r all' on a copy)");
    }
    if (ImageLock.heldByWriter(path)) {
      all.add("in use: another program (QEMU) has it open for writing");
    }
    return all;
  }

  /**
   * The snapshot called {@code name}, or else the one with that id.
   *
   * @throws dev.vmstate.bytes.FormatException when several have that name
   * @throws java.io.FileNotFoundException when there is none; the message has the names there are
   */
  public Qcow2Snapshot find(String name) throws IOException {
    return table.find(file.name(), name);
  }

  /**
   * The migration stream of {@code snapshot}, which has one.
   *
   * @param name what messages call it
   * @throws UnsupportedFormatException when it is encrypted or lies in another file
   */
  public VmState vmState(Qcow2Snapshot snapshot, String name) throws IOException {
    Optional<String> encryption = header.encryption();
    if (encryption.isPresent()) {
      throw new UnsupportedFormatException(
          name,
          32,
          ("the image is encrypted (%s), its VM state too, and there is no key here. With the key, on"
                  + " a copy, 'qemu-img snapshot -a %s' and then qemu-io's 'read -b -v 0 %d' show it;"
                  + " QEMU 5.2 to 11.1 abort when they save VM state in such an image, and 'qemu-img"
                  + " convert' drops it")
              .formatted(
                  encryption.get(),
                  SnapshotTable.shown(snapshot.name()),
                  snapshot.vmStateSize() + (-snapshot.vmStateSize() & 511)));
    }
    if (header.externalData()) {
      throw new UnsupportedFormatException(
          name,
          72,
          "the image keeps its data in another file, where QEMU allows no internal snapshots");
    }
    if (!snapshot.hasVmState()) {
      throw new UnsupportedFormatException(
          name,
          snapshot.entry().offset() + Qcow2Snapshot.VM_STATE_SIZE_AT,
          "a snapshot of the disk alone, without VM state (of several disks, savevm keeps VM state"
              + " in one): there is nothing to read");
    }
    return new VmState(this, snapshot, name);
  }

  @Override
  public void close() throws IOException {
    file.close();
  }
}
