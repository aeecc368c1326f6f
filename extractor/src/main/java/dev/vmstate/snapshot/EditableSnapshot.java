package dev.vmstate.snapshot;

import dev.vmstate.bytes.ByteSource;
import dev.vmstate.bytes.Progress;
import dev.vmstate.bytes.Span;
import dev.vmstate.container.Container;
import dev.vmstate.container.SnapshotName;
import dev.vmstate.memory.GuestMemory;
import dev.vmstate.ram.RamIndex;
import dev.vmstate.ram.RamPages;
import dev.vmstate.ram.StreamMemory;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;

/**
 * A snapshot that edits have a place in: everything it holds, device state and RAM, has an offset
 * in one space of bytes, {@link #stream}. Spans of sections, fields and registers count in it, and
 * so do the places of pages. What the container makes of a changed byte is the container's matter.
 */
public abstract class EditableSnapshot extends Snapshot {
  EditableSnapshot() {}

  /** What holds it. */
  public abstract Container holder();

  /** The bytes that spans count in. */
  public final ByteSource stream() {
    return holder().stream();
  }

  @Override
  public SnapshotName source() {
    return holder().source();
  }

  @Override
  public long fileSize() {
    return holder().fileSize();
  }

  @Override
  public List<Container.Fact> facts() {
    return holder().facts();
  }

  /**
   * The spans of everything but RAM's pages: what makes this snapshot's devices, CPUs and head
   * another's when they change.
   */
  public abstract List<Span> state() throws IOException;

  /** Whether the block's bytes are in the snapshot, and not in a file of their own. */
  public abstract boolean holds(int block) throws IOException;

  /**
   * Where the bytes of a page stand in {@link #stream}, be they zero or not; -1 where only pages
   * that are not zero have bytes ({@link #index} then says where).
   */
  public abstract long placeOf(int block, long page) throws IOException;

  /**
   * Where bytes can be added to {@link #stream} for pages that have none, so that everything behind
   * moves; its end where every page has a place.
   */
  public long appendAt() throws IOException {
    return stream().size();
  }

  /** The bytes of each page; found on first use. */
  public abstract RamPages pages() throws IOException;

  @Override
  public RamIndex index(Progress progress) throws IOException {
    return pages().index();
  }

  @Override
  public GuestMemory memory() throws IOException {
    return new StreamMemory(pages(), memoryMap());
  }

  /** Whether it passes only once: what is to be read twice must be kept. */
  public boolean isPipe() {
    return false;
  }

  /** Where a compressed stream is decompressed to when it must be; best beside the output. */
  public void scratch(Path directory) {}
}
