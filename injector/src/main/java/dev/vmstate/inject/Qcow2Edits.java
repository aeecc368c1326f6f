package dev.vmstate.inject;

import dev.vmstate.bytes.FormatException;
import dev.vmstate.bytes.Patch;
import dev.vmstate.bytes.Span;
import dev.vmstate.qcow2.ClusterMap;
import dev.vmstate.qcow2.L2Entry;
import dev.vmstate.qcow2.Qcow2Header;
import dev.vmstate.qcow2.Qcow2Image;
import dev.vmstate.qcow2.Qcow2Snapshot;
import dev.vmstate.qcow2.VmState;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.List;

/**
 * Edits of a VM state inside a qcow2 image. Nothing in the file moves: what is new is appended,
 * what was replaced is left as it is with a smaller refcount, and what stands behind appended page
 * records moves up inside the VM state. Told in an order that reads every old byte before it is
 * overwritten, since in place the image read from is the image written to.
 */
final class Qcow2Edits implements FileEdits {
  private static final int STEP = 1 << 20;

  private final StreamEdits stream;
  private final VmState state;
  private final Qcow2Image image;
  private final Qcow2Header header;
  private final Qcow2Plan plan;
  private final SingleUsers singles;

  Qcow2Edits(StreamEdits stream, VmState state) throws IOException {
    this.stream = stream;
    this.state = state;
    this.image = state.image();
    this.header = image.header();
    List<String> warnings = image.warnings();
    if (!warnings.isEmpty()) {
      throw new IOException(
          "%s: cannot be written to: it is %s".formatted(image.name(), warnings.get(0)));
    }
    this.plan = new Qcow2Plan(state, stream);
    this.singles = new SingleUsers(plan);
    Qcow2Snapshot snapshot = state.snapshot();
    boolean resized = plan.newSize() != state.size();
    if (resized && state.size() != snapshot.vmStateSize()) {
      throw new IOException(
          state.name()
              + ": its size in the snapshot table is not where it ends: it keeps its length");
    }
    if (plan.growth() > 0 && plan.newSize() > 0xffff_ffffL && snapshot.extraSize() < 8) {
      throw new FormatException(
          image.name(),
          snapshot.entry().offset(),
          "this old snapshot has no room for the size of a VM state of more than 4 GiB");
    }
  }

  /** Nothing moves: clusters go to the end of the file. */
  @Override
  public long appendAt() {
    return image.file().size();
  }

  @Override
  public void tell(StreamTarget file) throws IOException {
    if (plan.isEmpty()) {
      return;
    }
    HostPatches patches = new HostPatches(file, image.file().size());
    if (plan.refcounts().end() > plan.firstNew()) {
      append(file);
    }
    moveTail(patches);
    stream.tell(new Translated(patches));
    patchTables(patches);
    singles.tell(patches);
    plan.refcounts().patch(patches);
    patchHeaders(patches);
  }

  private void append(StreamTarget file) throws IOException {
    zeros(file, (plan.firstNew() << header.clusterBits()) - image.file().size());
    ByteBuffer bytes = ByteBuffer.allocate(header.clusterSize());
    plan.replaced()
        .visit(
            cluster -> {
              bytes.clear();
              state.readAllocated(cluster << header.clusterBits(), bytes);
              file.append(bytes.flip());
            });
    plan.newTables().visit(table -> file.append(newTable(table)));
    if (plan.l1Moves()) {
      appendL1(file);
    }
    plan.refcounts().append(file);
  }

  private static void zeros(StreamTarget file, long length) throws IOException {
    ByteBuffer zeros = ByteBuffer.allocate(STEP);
    for (long left = length; left > 0; left -= STEP) {
      file.append(zeros.clear().limit((int) Math.min(STEP, left)));
    }
  }

  private ByteBuffer newTable(long table) throws IOException {
    ByteBuffer bytes = ByteBuffer.allocate(header.clusterSize());
    ClusterMap map = state.map();
    long first = table << header.l2Bits();
    for (long cluster = first; cluster < first + (1L << header.l2Bits()); cluster++) {
      boolean replaced = plan.replaced().contains(cluster);
      bytes.putLong(replaced ? plan.host(cluster) : map.entry(cluster) & ~L2Entry.COPIED);
      if (header.extendedL2()) {
        bytes.putLong(replaced ? L2Entry.ALL_SUBCLUSTERS : map.bitmap(cluster));
      }
    }
    return bytes.flip();
  }

  private void appendL1(StreamTarget file) throws IOException {
    Span old = state.snapshot().l1();
    ByteBuffer l1 = ByteBuffer.allocate((int) plan.newL1Bytes());
    image.file().read(old.offset(), l1.slice(0, (int) old.length()));
    plan.newTables()
        .visit(table -> l1.putLong((int) (plan.vmIndex() + table) * 8, plan.newTableAt(table)));
    file.append(l1);
  }

  /** From the end down: what is read next has not been overwritten yet. */
  private void moveTail(HostPatches patches) throws IOException {
    if (plan.growth() == 0) {
      return;
    }
    ByteBuffer bytes = ByteBuffer.allocate(Math.max(STEP, header.clusterSize()));
    long end = state.size();
    while (end > plan.appendAt()) {
      int length = (int) Math.min(bytes.capacity(), end - plan.appendAt());
      bytes.clear().limit(length);
      state.read(end - length, bytes);
      write(patches, end - length + plan.growth(), bytes.flip());
      end -= length;
    }
  }

  /** Writes bytes of VM state where they stand afterwards. */
  private void write(HostPatches patches, long at, ByteBuffer bytes) throws IOException {
    int size = header.clusterSize();
    while (bytes.hasRemaining()) {
      int in = (int) at & size - 1;
      int length = Math.min(size - in, bytes.remaining());
      long host = plan.host(at >>> header.clusterBits()) + in;
      while (length < bytes.remaining()
          && plan.host(at + length >>> header.clusterBits()) == host + length) {
        length = Math.min(length + size, bytes.remaining());
      }
      patches.bytes(host, bytes.slice(bytes.position(), length));
      bytes.position(bytes.position() + length);
      at += length;
    }
  }

  /** From VM state to the clusters of the file. */
  private final class Translated implements StreamTarget {
    private final HostPatches patches;
    private long appended;

    Translated(HostPatches patches) {
      this.patches = patches;
    }

    @Override
    public void patch(Patch patch) throws IOException {
      long at = patch.where().offset();
      write(patches, at < plan.appendAt() ? at : at + plan.growth(), patch.with());
    }

    @Override
    public void append(ByteBuffer bytes) throws IOException {
      int length = bytes.remaining();
      if (length > plan.growth() - appended) {
        throw new IOException("the edits changed while they were carried out");
      }
      write(patches, plan.appendAt() + appended, bytes.slice());
      appended += length;
    }
  }

  /** Entries of L2 tables that stay where they are, and of an L1 table that does. */
  private void patchTables(HostPatches patches) throws IOException {
    plan.changedTables()
        .visit(
            table -> {
              if (!plan.newTables().contains(table)) {
                patchTable(patches, table);
              }
            });
    if (!plan.l1Moves()) {
      long first = state.snapshot().l1().length() / 8;
      for (long i = first; i < plan.l1Entries(); i++) {
        if (!plan.newTables().contains(i - plan.vmIndex())) {
          patches.u64(plan.l1At() + i * 8, 0);
        }
      }
      plan.newTables()
          .visit(
              table ->
                  patches.u64(plan.l1At() + (plan.vmIndex() + table) * 8, plan.newTableAt(table)));
    }
  }

  private void patchTable(HostPatches patches, long table) throws IOException {
    long first = table << header.l2Bits();
    plan.replaced()
        .visit(
            first,
            first + (1L << header.l2Bits()),
            cluster -> {
              ByteBuffer entry = ByteBuffer.allocate(header.l2EntryBytes());
              entry.putLong(plan.host(cluster));
              if (header.extendedL2()) {
                entry.putLong(L2Entry.ALL_SUBCLUSTERS);
              }
              patches.bytes(state.map().entryAt(cluster), entry.flip());
            });
  }

  private void patchHeaders(HostPatches patches) throws IOException {
    Qcow2Snapshot snapshot = state.snapshot();
    long entry = snapshot.entry().offset();
    if (plan.l1Moves()) {
      patches.u64(entry, plan.l1At());
    }
    if (plan.l1Entries() != snapshot.l1().length() / 8) {
      patches.u32(entry + Qcow2Snapshot.L1_SIZE_AT, plan.l1Entries());
    }
    if (plan.newSize() != state.size()) {
      // A program that knows 32 bits alone takes a larger VM state for none.
      long narrow = plan.newSize() > 0xffff_ffffL ? 0 : plan.newSize();
      patches.u32(entry + Qcow2Snapshot.VM_STATE_SIZE_AT, narrow);
      if (snapshot.extraSize() >= 8) {
        patches.u64(entry + Qcow2Snapshot.EXTRA_AT, plan.newSize());
      }
    }
    if ((header.autoclear() & ~Qcow2Header.KNOWN_AUTOCLEAR) != 0) {
      patches.u64(Qcow2Header.AUTOCLEAR_AT, header.autoclear() & Qcow2Header.KNOWN_AUTOCLEAR);
    }
  }
}
