package dev.vmstate.dump;

import dev.vmstate.bytes.ByteSource;
import dev.vmstate.bytes.Cursor;
import dev.vmstate.bytes.FormatException;
import dev.vmstate.bytes.OrderedCursor;
import dev.vmstate.bytes.Span;
import dev.vmstate.bytes.WindowedSource;
import dev.vmstate.kdump.KdumpHeader;
import dev.vmstate.kdump.PageDescriptor;
import dev.vmstate.kdump.PageFlags;
import java.io.Closeable;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Arrays;

/**
 * The pages of a kdump: the bit in the second bitmap says whether the dump has it, the number of
 * bits before that one which descriptor is its, the descriptor where its bytes are. A few unpacked
 * pages are kept, since whoever walks page tables comes back to the same ones. Not thread-safe.
 */
final class KdumpPages implements DumpMemory.Pages, Closeable {
  private static final int KEPT = 64;
  private static final PageDescriptor ABSENT = new PageDescriptor(0, 0, 0);

  private final ByteSource source;
  private final KdumpHeader header;
  private final RankedBitmap dumped;
  private final ByteSource descriptors;
  private final ByteSource data;
  private final PageDecompressor decompressor = new PageDecompressor();
  private final byte[] packed;
  private final byte[][] kept;
  private final long[] keptFrame = new long[KEPT];
  private PageDescriptor last = ABSENT;
  private long lastFrame = -1;

  KdumpPages(ByteSource source, KdumpHeader header, RankedBitmap dumped) throws IOException {
    this.source = source;
    this.header = header;
    this.dumped = dumped;
    this.descriptors = new WindowedSource(source, 1 << 12);
    this.data = new WindowedSource(source, 1 << 16);
    this.packed = new byte[header.blockSize()];
    this.kept = new byte[KEPT][];
    Arrays.fill(keptFrame, -1);
    long end = header.descriptorsAt() + dumped.total() * PageDescriptor.BYTES;
    if (!incomplete() && end > source.size()) {
      throw new FormatException(
          source.name(),
          header.descriptorsAt(),
          "descriptors of %d pages up to 0x%x, the file ends at 0x%x (is the file cut short?)"
              .formatted(dumped.total(), end, source.size()));
    }
  }

  private boolean incomplete() {
    return (header.status() & PageFlags.DUMP_DH_COMPRESSED_INCOMPLETE) != 0;
  }

  private long frame(long address) {
    return (address - header.base()) / header.blockSize();
  }

  @Override
  public boolean holds(long address) throws IOException {
    long frame = frame(address);
    return dumped.get(frame) && descriptor(frame).offset() != 0;
  }

  @Override
  public void read(long address, ByteBuffer into) throws IOException {
    int limit = into.limit();
    long at = address;
    while (into.position() < limit) {
      int within = (int) ((at - header.base()) % header.blockSize());
      int part = Math.min(limit - into.position(), header.blockSize() - within);
      into.put(page(frame(at)), within, part);
      at += part;
    }
  }

  private byte[] page(long frame) throws IOException {
    int slot = (int) (frame % KEPT);
    byte[] page = kept[slot];
    if (page == null) {
      page = new byte[header.blockSize()];
      kept[slot] = page;
    } else if (keptFrame[slot] == frame) {
      return page;
    }
    keptFrame[slot] = -1;
    load(frame, page);
    keptFrame[slot] = frame;
    return page;
  }

  private void load(long frame, byte[] page) throws IOException {
    PageDescriptor found = dumped.get(frame) ? descriptor(frame) : ABSENT;
    if (found.offset() == 0) {
      Arrays.fill(page, (byte) 0);
      return;
    }
    int size = (int) found.size(); // checked to be no more than a page
    int flag = found.flags() & PageFlags.COMPRESSED;
    if (flag == 0) {
      data.read(found.offset(), ByteBuffer.wrap(page));
      return;
    }
    data.read(found.offset(), ByteBuffer.wrap(packed, 0, size));
    try {
      decompressor.unpack(flag, packed, size, page);
    } catch (IOException e) {
      throw bad(
          frame,
          found.offset(),
          "its %d bytes of %s are damaged: %s"
              .formatted(size, PageDecompressor.name(flag), e.getMessage()));
    }
  }

  /** Of a page whose bit is set; offset 0 when an incomplete dump does not hold it. */
  private PageDescriptor descriptor(long frame) throws IOException {
    if (frame != lastFrame) {
      lastFrame = -1;
      last = decode(frame);
      lastFrame = frame;
    }
    return last;
  }

  private PageDescriptor decode(long frame) throws IOException {
    long at = header.descriptorsAt() + dumped.rank(frame) * PageDescriptor.BYTES;
    if (at > source.size() - PageDescriptor.BYTES) {
      return ABSENT; // looked at in the constructor: an incomplete dump
    }
    Cursor in = new Cursor(descriptors, source.name(), new Span(at, PageDescriptor.BYTES));
    PageDescriptor found = PageDescriptor.decode(new OrderedCursor(in, header.order()));
    if (found.offset() == 0) {
      return found;
    }
    int compressed = Integer.bitCount(found.flags() & PageFlags.COMPRESSED);
    boolean size =
        compressed == 0
            ? found.size() == header.blockSize()
            : found.size() > 0 && found.size() <= header.blockSize();
    if (compressed > 1 || !size) {
      throw bad(frame, at, "size 0x%x with flags 0x%x".formatted(found.size(), found.flags()));
    }
    if (found.offset() < 0 || found.offset() > source.size() - found.size()) {
      if (incomplete() && found.offset() > 0) {
        return ABSENT;
      }
      throw bad(
          frame,
          at,
          "its bytes at 0x%x+0x%x, the file ends at 0x%x (is the file cut short?)"
              .formatted(found.offset(), found.size(), source.size()));
    }
    return found;
  }

  private FormatException bad(long frame, long at, String what) {
    return new FormatException(
        "%s: page 0x%x".formatted(source.name(), header.base() + frame * header.blockSize()),
        at,
        what);
  }

  @Override
  public void close() {
    decompressor.close();
  }
}
