package dev.vmstate.diff;

import dev.vmstate.memory.RamBlock;
import dev.vmstate.ram.PageVisitor;
import dev.vmstate.ram.RamIndex;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.BitSet;
import java.util.List;

/**
 * Compares the pages of a stream, as its records come by, with the final pages of another. A page
 * may come again, also as zeros after data: the last record decides, so each one sets or clears the
 * page's bit anew.
 */
final class PageComparison implements PageVisitor {
  private final RamIndex index;
  private final PageReader reader;

  /** Block of the visited stream to block of the indexed one; -1 when that lacks it. */
  private final int[] blocks;

  /** Pages both blocks have. */
  private final long[] common;

  private final BitSet[] differ;
  private final BitSet[] seen;
  private final ByteBuffer[] fills = new ByteBuffer[256];

  /**
   * @param visited the blocks of the stream whose records will come by
   * @param index complete, of the other stream
   */
  PageComparison(List<RamBlock> visited, RamIndex index, PageReader reader) {
    this.index = index;
    this.reader = reader;
    this.blocks = new int[visited.size()];
    this.common = new long[visited.size()];
    this.differ = new BitSet[visited.size()];
    this.seen = new BitSet[visited.size()];
    for (int b = 0; b < blocks.length; b++) {
      blocks[b] = indexOf(index.blocks(), visited.get(b));
      differ[b] = new BitSet();
      seen[b] = new BitSet();
      common[b] =
          blocks[b] < 0
              ? 0
              : Math.min(visited.get(b).pages(), index.blocks().get(blocks[b]).pages());
    }
  }

  private static int indexOf(List<RamBlock> blocks, RamBlock wanted) {
    for (int i = 0; i < blocks.size(); i++) {
      if (blocks.get(i).name().equals(wanted.name())
          && blocks.get(i).pageSize() == wanted.pageSize()) {
        return i;
      }
    }
    return -1;
  }

  @Override
  public void data(int block, long page, ByteBuffer bytes, int at, long offset) throws IOException {
    if (page >= common[block]) {
      return;
    }
    int other = blocks[block];
    int pageSize = index.blocks().get(other).pageSize();
    ByteBuffer mine = bytes.slice(at, pageSize);
    ByteBuffer theirs =
        switch (index.kind(other, page)) {
          case DATA, DEFLATED, DELTA -> reader.page(other, page);
          case FILL -> fill(pageSize, (int) index.value(other, page));
          case ABSENT -> fill(pageSize, 0);
        };
    decide(block, page, mine.mismatch(theirs) < 0);
  }

  @Override
  public void fill(int block, long page, int value) throws IOException {
    if (page < common[block]) {
      decide(block, page, holds(blocks[block], page, value));
    }
  }

  /** After the last record: pages that never came are zero. */
  void finish() throws IOException {
    for (int b = 0; b < blocks.length; b++) {
      for (int page = seen[b].nextClearBit(0);
          page < common[b];
          page = seen[b].nextClearBit(page + 1)) {
        if (!holds(blocks[b], page, 0)) {
          differ[b].set(page);
        }
      }
    }
  }

  /** The pages of block {@code block} of the visited stream that differ. */
  BitSet differ(int block) {
    return differ[block];
  }

  private void decide(int block, long page, boolean same) {
    seen[block].set((int) page);
    differ[block].set((int) page, !same);
  }

  private boolean holds(int other, long page, int value) throws IOException {
    return switch (index.kind(other, page)) {
      case DATA, DEFLATED, DELTA ->
          reader.page(other, page).mismatch(fill(index.blocks().get(other).pageSize(), value)) < 0;
      case FILL -> index.value(other, page) == value;
      case ABSENT -> value == 0;
    };
  }

  private ByteBuffer fill(int pageSize, int value) {
    ByteBuffer filled = fills[value];
    if (filled == null || filled.capacity() != pageSize) {
      filled = ByteBuffer.allocateDirect(pageSize);
      while (filled.hasRemaining()) {
        filled.put((byte) value);
      }
      fills[value] = filled;
    }
    return filled.clear();
  }
}
