package dev.vmstate.inject;

import dev.vmstate.bytes.ByteSource;
import dev.vmstate.core.process.CoreChange;
import dev.vmstate.memory.GuestMemory;
import dev.vmstate.memory.MemoryMap;
import dev.vmstate.memory.RamBlock;
import dev.vmstate.memory.UnmappedAddressException;
import dev.vmstate.ram.RamIndex;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/**
 * The pages that an edited core of a process changes. The core's bytes are read each time someone
 * walks over them. A process may have a page at several addresses: what each of them changes is
 * taken, unless they contradict each other.
 */
final class ProcessEdits implements RamEdits {
  private static final int PAGE = 4096;
  private static final Comparator<Part> ORDER =
      Comparator.comparingInt(Part::block).thenComparingLong(Part::offset);

  /** What changes, and where it belongs. */
  private record Part(int block, long offset, Content content) {}

  /** Puts new bytes over a page, at {@code at}. */
  private interface Content {
    void over(byte[] before, byte[] after, int at) throws IOException;
  }

  private final GuestMemory memory;
  private final RamIndex index;
  private final ByteSource core;
  private final List<Part> parts = new ArrayList<>();

  ProcessEdits(GuestMemory memory, RamIndex index, ByteSource core, List<CoreChange> changes)
      throws IOException {
    this.memory = memory;
    this.index = index;
    this.core = core;
    for (CoreChange change : changes) {
      add(change.physical(), (before, after, at) -> unite(change, before, after, at));
    }
    parts.sort(ORDER);
  }

  private void add(long physical, Content content) throws UnmappedAddressException {
    MemoryMap.Range range =
        memory
            .map()
            .at(physical)
            .orElseThrow(() -> new UnmappedAddressException("physical", physical));
    long offset = range.offset() + (physical - range.start());
    parts.add(new Part(range.block(), offset, content));
  }

  /** Also sets a byte of the kernel's. */
  void set(long physical, byte value) throws UnmappedAddressException {
    add(physical, (before, after, at) -> after[at] = value);
    parts.sort(ORDER);
  }

  private long page(Part part) {
    return part.offset() / memory.map().blocks().get(part.block()).pageSize();
  }

  private boolean samePage(Part a, Part b) {
    return a.block() == b.block() && page(a) == page(b);
  }

  @Override
  public long count() {
    long count = 0;
    for (int i = 0; i < parts.size(); i++) {
      count += i == 0 || !samePage(parts.get(i - 1), parts.get(i)) ? 1 : 0;
    }
    return count;
  }

  @Override
  public void visit(Visitor visitor) throws IOException {
    for (int i = 0; i < parts.size(); ) {
      Part first = parts.get(i);
      RamBlock block = memory.map().blocks().get(first.block());
      byte[] before = new byte[block.pageSize()];
      long start = page(first) * before.length;
      memory.readBlock(first.block(), start, ByteBuffer.wrap(before));
      byte[] after = before.clone();
      for (; i < parts.size() && samePage(first, parts.get(i)); i++) {
        parts.get(i).content().over(before, after, (int) (parts.get(i).offset() - start));
      }
      boolean data = index.kind(first.block(), page(first)) == RamIndex.Kind.DATA;
      visitor.page(
          first.block(),
          page(first),
          data ? index.value(first.block(), page(first)) : -1,
          before,
          after);
    }
  }

  private void unite(CoreChange change, byte[] before, byte[] after, int at) throws IOException {
    byte[] bytes = new byte[Math.min(PAGE, change.bytes())];
    core.read(change.fileOffset(), ByteBuffer.wrap(bytes));
    for (int i = 0; i < bytes.length; i++) {
      byte was = before[at + i];
      if (bytes[i] != was && after[at + i] != was && bytes[i] != after[at + i]) {
        throw new IOException(
            "%s: 0x%x is set to %02x, but the process has the same byte at another address, and there it is %02x: edit one of them or both alike"
                .formatted(
                    core.name(), change.virtual() + i, bytes[i] & 0xff, after[at + i] & 0xff));
      }
      if (bytes[i] != was) {
        after[at + i] = bytes[i];
      }
    }
  }
}
