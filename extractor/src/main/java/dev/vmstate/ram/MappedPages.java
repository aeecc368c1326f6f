package dev.vmstate.ram;

import dev.vmstate.bytes.ByteSource;
import dev.vmstate.bytes.Progress;
import dev.vmstate.bytes.Span;
import dev.vmstate.memory.RamBlock;
import dev.vmstate.stream.MappedRam;
import dev.vmstate.stream.RamSetup;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.List;

/**
 * The pages of a mapped-ram stream. The index comes from the bitmaps alone; pages are read in runs
 * of set bits, so that holes are passed over without being read.
 */
public final class MappedPages {
  /** As much as stays in the processor's cache between reading and looking at it. */
  private static final int STEP = 1 << 18;

  private static final ByteBuffer NO_BYTES = ByteBuffer.allocate(0);

  private final ByteSource stream;
  private final List<RamBlock> blocks;
  private final List<MappedRam> mapped;
  private final BitmapOrder order;

  /** {@code ram}: of a mapped-ram stream. */
  public MappedPages(ByteSource stream, RamSetup ram) throws IOException {
    this.stream = stream;
    this.order = BitmapOrder.of(stream, ram);
    this.blocks = ram.blocks();
    this.mapped = ram.mapped();
  }

  /** Tells {@code index} of every page; reads no page. */
  public void index(RamIndex index) throws IOException {
    for (int block = 0; block < blocks.size(); block++) {
      runs(
          block,
          new Runs() {
            @Override
            public void data(int block, long page, long end, long offset, int pageSize) {
              for (long at = page; at < end; at++) {
                index.data(block, at, NO_BYTES, 0, offset + (at - page) * pageSize);
              }
            }

            @Override
            public void zero(int block, long page, long end) {}
          });
      if (mapped.get(block).stored()) {
        index.restIsZero(block);
      }
    }
  }

  /** Shows every page; those with a clear bit as zeros. Reads each byte once, in file order. */
  public void show(PageVisitor visitor, Progress progress) throws IOException {
    ByteBuffer buffer = ByteBuffer.allocateDirect(STEP);
    for (int block = 0; block < blocks.size(); block++) {
      runs(
          block,
          new Runs() {
            @Override
            public void data(int block, long page, long end, long offset, int pageSize)
                throws IOException {
              int most = STEP / pageSize;
              long at = page;
              while (at < end) {
                int count = (int) Math.min(most, end - at);
                long from = offset + (at - page) * pageSize;
                stream.read(from, buffer.clear().limit(count * pageSize));
                buffer.clear();
                for (int i = 0; i < count; i++) {
                  visitor.data(block, at + i, buffer, i * pageSize, from + (long) i * pageSize);
                }
                at += count;
                progress.at(from + (long) count * pageSize);
              }
            }

            @Override
            public void zero(int block, long page, long end) throws IOException {
              for (long at = page; at < end; at++) {
                visitor.fill(block, at, 0);
              }
            }
          });
    }
  }

  /** Pages {@code page} to {@code end} (exclusive) that are alike. */
  private interface Runs {
    /** Their bytes stand from {@code offset} on. */
    void data(int block, long page, long end, long offset, int pageSize) throws IOException;

    void zero(int block, long page, long end) throws IOException;
  }

  private void runs(int block, Runs runs) throws IOException {
    MappedRam place = mapped.get(block);
    if (!place.stored()) {
      return;
    }
    long pages = blocks.get(block).pages();
    int pageSize = blocks.get(block).pageSize();
    Bits bits = new Bits(place);
    long first = 0;
    boolean set = false;
    // One turn more than there are pages closes the last run.
    for (long page = 0; page <= pages; page++) {
      if ((page & 7) == 0 && page + 8 <= pages && bits.eight(page) == (set ? -1 : 0)) {
        page += 7;
        continue;
      }
      boolean now = page < pages && (bits.eight(page) & 1 << (page & 7)) != 0;
      if (page == pages || now != set) {
        if (page > first && set) {
          runs.data(block, first, page, place.pages().offset() + first * pageSize, pageSize);
        } else if (page > first) {
          runs.zero(block, first, page);
        }
        first = page;
        set = now;
      }
    }
  }

  /** A block's bitmap, read a part at a time. */
  private final class Bits {
    private final Span bitmap;
    private byte[] part = {};
    private long partAt;

    Bits(MappedRam place) {
      bitmap = place.bitmap();
    }

    /** The byte with the bit of {@code page}; pages are asked for in their order. */
    byte eight(long page) throws IOException {
      if (page >>> 3 == partAt + part.length) {
        partAt += part.length;
        int length = (int) Math.min(STEP, bitmap.length() - partAt);
        part = stream.bytes(new Span(bitmap.offset() + partAt, length));
      }
      return part[(int) (order.byteOf(page) - partAt)];
    }
  }
}
