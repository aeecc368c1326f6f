package dev.vmstate.inject;

import dev.vmstate.memory.RamBlock;
import dev.vmstate.ram.PageVisitor;
import dev.vmstate.ram.RamIndex;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.List;

/**
 * Finds the pages in which a core differs from its snapshot, while the snapshot's page records
 * pass: both files are read once and in order. A page that came several times is compared each
 * time, and the last comparison counts. Pages of one value are compared at the end, when it is
 * known which they are.
 */
final class CoreComparison implements PageVisitor {
  private final CoreBytes core;
  private final CorePlaces places;
  private final List<RamBlock> blocks;
  private final ChangedPages changed;
  private final ByteBuffer zeros = ByteBuffer.allocateDirect(1 << 17);

  CoreComparison(CoreBytes core, CorePlaces places, List<RamBlock> blocks) {
    this.core = core;
    this.places = places;
    this.blocks = blocks;
    this.changed = new ChangedPages(blocks);
  }

  @Override
  public void data(int block, long page, ByteBuffer bytes, int at, long offset) throws IOException {
    int pageSize = blocks.get(block).pageSize();
    long start = page * pageSize;
    boolean differs = false;
    for (long from = start; from < start + pageSize; ) {
      CorePlaces.Place place = places.at(block, from);
      if (place == null) {
        from = nextPlace(block, from, start + pageSize);
        continue;
      }
      int length = (int) (Math.min(place.end(), start + pageSize) - from);
      long inCore = place.core() + from - place.offset();
      ByteBuffer window = core.window(inCore, length);
      int index = core.indexOf(inCore);
      differs |=
          !bytes.slice(at + (int) (from - start), length).equals(window.slice(index, length));
      from += length;
    }
    changed.set(block, page, differs);
  }

  @Override
  public void fill(int block, long page, int value) {
    changed.set(block, page, false); // decided in finish()
  }

  private long nextPlace(int block, long from, long limit) {
    for (CorePlaces.Place place : places.of(block)) {
      if (place.offset() >= from) {
        return Math.min(place.offset(), limit);
      }
    }
    return limit;
  }

  /** Compares the pages that hold one value, and gives all that differ. */
  ChangedPages finish(RamIndex index) throws IOException {
    for (int block = 0; block < blocks.size(); block++) {
      int pageSize = blocks.get(block).pageSize();
      for (CorePlaces.Place place : places.of(block)) {
        long page = place.offset() / pageSize;
        long end = (place.end() + pageSize - 1) / pageSize;
        while (page < end) {
          if (index.kind(block, page) == RamIndex.Kind.DATA) {
            page++;
            continue;
          }
          long first = page;
          long value = fillOf(index, block, page);
          while (page < end
              && index.kind(block, page) != RamIndex.Kind.DATA
              && fillOf(index, block, page) == value) {
            page++;
          }
          long from = Math.max(place.offset(), first * pageSize);
          filled(block, place, from, Math.min(place.end(), page * pageSize), (byte) value);
        }
      }
    }
    return changed;
  }

  private static long fillOf(RamIndex index, int block, long page) {
    return index.kind(block, page) == RamIndex.Kind.FILL ? index.value(block, page) : 0;
  }

  /**
   * Compares block bytes {@code from} to {@code to}, which the snapshot has all as {@code value}.
   */
  private void filled(int block, CorePlaces.Place place, long from, long to, byte value)
      throws IOException {
    int pageSize = blocks.get(block).pageSize();
    while (from < to) {
      ByteBuffer bytes = core.hole(place.core() + from - place.offset(), to - from);
      int length = bytes.remaining();
      if (value != 0 || !bytes.equals(zeros.slice(0, length))) {
        for (int i = 0; i < length; i++) {
          if (bytes.get(i) != value) {
            changed.set(block, (from + i) / pageSize, true);
          }
        }
      }
      from += length;
    }
  }
}
