package dev.vmstate.inject;

import dev.vmstate.memory.GuestMemory;
import dev.vmstate.memory.RamBlock;
import dev.vmstate.ram.RamIndex;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.List;

/**
 * The pages that an edited core changes. Holds one bit a page; the bytes are read each time someone
 * walks over them.
 */
final class CoreEdits implements RamEdits {
  private final GuestMemory memory;
  private final RamIndex index;
  private final ChangedPages changed;
  private final CoreBytes core;
  private final CorePlaces places;

  CoreEdits(
      GuestMemory memory, RamIndex index, ChangedPages changed, CoreBytes core, CorePlaces places) {
    this.memory = memory;
    this.index = index;
    this.changed = changed;
    this.core = core;
    this.places = places;
  }

  @Override
  public long count() {
    return changed.count();
  }

  @Override
  public void visit(Visitor visitor) throws IOException {
    List<RamBlock> blocks = memory.map().blocks();
    for (int block = 0; block < blocks.size(); block++) {
      RamBlock ram = blocks.get(block);
      byte[] before = new byte[ram.pageSize()];
      byte[] after = new byte[ram.pageSize()];
      for (long page = changed.next(block, 0); page >= 0; page = changed.next(block, page + 1)) {
        memory.readBlock(block, page * ram.pageSize(), ByteBuffer.wrap(before));
        System.arraycopy(before, 0, after, 0, before.length);
        fromCore(block, page * ram.pageSize(), before, after);
        boolean data = index.kind(block, page) == RamIndex.Kind.DATA;
        visitor.page(block, page, data ? index.value(block, page) : -1, before, after);
      }
    }
  }

  /** Puts the core's bytes over a page; where the core has none the page stays as it was. */
  private void fromCore(int block, long start, byte[] before, byte[] after) throws IOException {
    List<CorePlaces.Place> of = places.of(block);
    for (int i = places.firstEndingAfter(block, start); i < of.size(); i++) {
      CorePlaces.Place place = of.get(i);
      if (place.offset() >= start + after.length) {
        return;
      }
      long from = Math.max(start, place.offset());
      int at = (int) (from - start);
      int length = (int) (Math.min(start + after.length, place.end()) - from);
      CorePlaces.Copy first = place.copies().get(0).plus(from - place.offset());
      core.read(first.core(), ByteBuffer.wrap(after, at, length));
      for (CorePlaces.Copy more : place.copies().subList(1, place.copies().size())) {
        unite(first, more.plus(from - place.offset()), before, after, at, length);
      }
    }
  }

  /** Takes what another copy of the same bytes changes, unless the two contradict each other. */
  private void unite(
      CorePlaces.Copy first, CorePlaces.Copy more, byte[] before, byte[] after, int at, int length)
      throws IOException {
    byte[] bytes = new byte[length];
    core.read(more.core(), ByteBuffer.wrap(bytes));
    for (int i = 0; i < length; i++) {
      byte was = before[at + i];
      if (bytes[i] != was && after[at + i] != was && bytes[i] != after[at + i]) {
        throw new IOException(
            "%s: guest-physical 0x%x is set to %02x, but 0x%x to %02x: both are the same RAM, edit"
                    .formatted(
                        core.name(),
                        first.physical() + i,
                        after[at + i] & 0xff,
                        more.physical() + i,
                        bytes[i] & 0xff)
                + " one of them or both alike");
      }
      if (bytes[i] != was) {
        after[at + i] = bytes[i];
      }
    }
  }
}
