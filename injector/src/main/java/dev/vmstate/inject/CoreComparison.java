package dev.vmstate.inject;

import dev.vmstate.memory.RamBlock;
import dev.vmstate.ram.PageVisitor;
import dev.vmstate.ram.RamIndex;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.List;

/**
 * Finds the pages in which a core differs from its snapshot, while the snapshot's page records
 * pass: both files are read once and in order. A page that came several times is compared each
 * time, and the last comparison counts. Pages of one value are compared at the end, when it is
 * known which they are.
 */
final class CoreComparison implements PageVisitor {
  private static final int STEP = 1 << 17;

  private final CoreBytes core;
  private final CorePlaces places;
  private final List<RamBlock> blocks;
  private final ChangedPages changed;
  private final ByteBuffer expected = ByteBuffer.allocateDirect(STEP);
  private int expectedValue;
  private ByteBuffer seen = expected;
  private ByteBuffer view = expected.duplicate();

  CoreComparison(CoreBytes core, CorePlaces places, List<RamBlock> blocks) {
    this.core = core;
    this.places = places;
    this.blocks = blocks;
    this.changed = new ChangedPages(blocks);
  }

  @SuppressWarnings("ReferenceEquality") // the same buffer all along, whatever is in it
  @Override
  public void data(int block, long page, ByteBuffer bytes, int at, long offset) throws IOException {
    if (bytes != seen) {
      seen = bytes;
      view = bytes.duplicate();
    }
    int pageSize = blocks.get(block).pageSize();
    long start = page * pageSize;
    List<CorePlaces.Place> of = places.of(block);
    boolean differs = false;
    for (int i = places.firstEndingAfter(block, start); i < of.size() && !differs; i++) {
      CorePlaces.Place place = of.get(i);
      if (place.offset() >= start + pageSize) {
        break;
      }
      long from = Math.max(start, place.offset());
      int length = (int) (Math.min(place.end(), start + pageSize) - from);
      int index = at + (int) (from - start);
      for (CorePlaces.Copy copy : place.copies()) {
        ByteBuffer inCore = core.window(copy.core() + from - place.offset(), length);
        view.clear().limit(index + length).position(index);
        differs |= !view.equals(inCore);
      }
    }
    changed.set(block, page, differs);
  }

  @Override
  public void fill(int block, long page, int value) {
    changed.set(block, page, false); // decided in finish()
  }

  /** Compares the pages that hold one value, and gives all that differ. */
  ChangedPages finish(RamIndex index) throws IOException {
    for (int block = 0; block < blocks.size(); block++) {
      int pageSize = blocks.get(block).pageSize();
      for (CorePlaces.Place place : places.of(block)) {
        long page = place.offset() / pageSize;
        long end = (place.end() + pageSize - 1) / pageSize;
        while (page < end) {
          if (index.kind(block, page).hasBytes()) {
            page++;
            continue;
          }
          long first = page;
          int value = fillOf(index, block, page++);
          while (page < end
              && !index.kind(block, page).hasBytes()
              && fillOf(index, block, page) == value) {
            page++;
          }
          long from = Math.max(place.offset(), first * pageSize);
          long to = Math.min(place.end(), page * pageSize);
          for (CorePlaces.Copy copy : place.copies()) {
            filled(block, copy.core() - place.offset(), from, to, value);
          }
        }
      }
    }
    return changed;
  }

  private static int fillOf(RamIndex index, int block, long page) {
    return index.kind(block, page) == RamIndex.Kind.FILL ? (int) index.value(block, page) : 0;
  }

  /**
   * Compares block bytes {@code from} to {@code to}, which the snapshot has all as {@code value}.
   *
   * @param shift from a block offset to the core's
   */
  private void filled(int block, long shift, long from, long to, int value) throws IOException {
    if (value != expectedValue) {
      byte[] bytes = new byte[STEP];
      Arrays.fill(bytes, (byte) value);
      expected.clear().put(bytes);
      expectedValue = value;
    }
    int pageSize = blocks.get(block).pageSize();
    while (from < to) {
      ByteBuffer bytes = core.hole(from + shift, to - from);
      int length = bytes.remaining();
      expected.clear().limit(length);
      int at = 0;
      while (at < length) {
        int same = bytes.position(at).mismatch(expected.position(at));
        if (same < 0) {
          break;
        }
        long page = (from + at + same) / pageSize;
        changed.set(block, page, true);
        at = (int) Math.min((page + 1) * pageSize - from, length);
      }
      from += length;
    }
  }
}
