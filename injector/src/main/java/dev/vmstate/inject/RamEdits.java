package dev.vmstate.inject;

import dev.vmstate.memory.GuestMemory;
import dev.vmstate.memory.RamBlock;
import dev.vmstate.ram.RamIndex;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.List;

/**
 * The pages that are to change, with old and new bytes. Holds one bit a page; the bytes are read
 * each time someone walks over them.
 */
final class RamEdits {
  /** One changed page; the arrays are used again for the next one. */
  interface Visitor {
    /**
     * @param dataAt where the page's bytes stand in the stream, or -1 when they stand nowhere
     * @param before the page as the snapshot has it
     * @param after the page as it is to be
     */
    void page(int block, long page, long dataAt, byte[] before, byte[] after) throws IOException;
  }

  private final GuestMemory memory;
  private final RamIndex index;
  private final ChangedPages changed;
  private final CoreBytes core;
  private final CorePlaces places;

  RamEdits(
      GuestMemory memory, RamIndex index, ChangedPages changed, CoreBytes core, CorePlaces places) {
    this.memory = memory;
    this.index = index;
    this.changed = changed;
    this.core = core;
    this.places = places;
  }

  long count() {
    return changed.count();
  }

  void visit(Visitor visitor) throws IOException {
    List<RamBlock> blocks = memory.map().blocks();
    for (int block = 0; block < blocks.size(); block++) {
      RamBlock ram = blocks.get(block);
      byte[] before = new byte[ram.pageSize()];
      byte[] after = new byte[ram.pageSize()];
      for (long page = changed.next(block, 0); page >= 0; page = changed.next(block, page + 1)) {
        memory.readBlock(block, page * ram.pageSize(), ByteBuffer.wrap(before));
        System.arraycopy(before, 0, after, 0, before.length);
        fromCore(block, page * ram.pageSize(), after);
        boolean data = index.kind(block, page) == RamIndex.Kind.DATA;
        visitor.page(block, page, data ? index.value(block, page) : -1, before, after);
      }
    }
  }

  /** Puts the core's bytes over a page; where the core has none the page stays as it was. */
  private void fromCore(int block, long start, byte[] page) throws IOException {
    for (CorePlaces.Place place : places.of(block)) {
      long from = Math.max(start, place.offset());
      long to = Math.min(start + page.length, place.end());
      if (from < to) {
        core.read(
            place.core() + from - place.offset(),
            ByteBuffer.wrap(page, (int) (from - start), (int) (to - from)));
      }
    }
  }
}
