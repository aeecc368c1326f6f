package dev.vmstate.exchange;

import dev.vmstate.bytes.ByteSource;
import dev.vmstate.bytes.Span;
import dev.vmstate.ram.PageVisitor;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.zip.CRC32C;

/**
 * Notices that a snapshot is no longer the one a core was extracted from. Taken from the page
 * records as they pass, so it costs no reading of its own: a CRC-32C over all page bytes in stream
 * order and one over the device state. It finds accidents, not forgeries.
 */
public final class StreamFingerprint implements PageVisitor {
  private static final int STEP = 1 << 20;
  private final int pageSize;
  private final CRC32C pages = new CRC32C();
  private final ByteBuffer item = ByteBuffer.allocate(17);

  /** {@code pageSize}: bytes of a page record. */
  public StreamFingerprint(int pageSize) {
    this.pageSize = pageSize;
  }

  @Override
  public void data(int block, long page, ByteBuffer bytes, int at, long offset) {
    ByteBuffer slice = bytes.duplicate();
    slice.limit(at + pageSize).position(at);
    pages.update(slice);
  }

  @Override
  public void fill(int block, long page, int value) {
    item.clear().putLong(block).putLong(page).put((byte) value);
    pages.update(item.flip());
  }

  /** Of all page records seen. */
  public String pages() {
    return "crc32c:%08x".formatted(pages.getValue());
  }

  /** Of a span, e.g. the device state. */
  public static String of(ByteSource source, Span span) throws IOException {
    CRC32C crc = new CRC32C();
    ByteBuffer buffer = ByteBuffer.allocate((int) Math.min(STEP, span.length()));
    for (long at = span.offset(); at < span.end(); at += STEP) {
      buffer.clear().limit((int) Math.min(STEP, span.end() - at));
      source.read(at, buffer);
      crc.update(buffer.flip());
    }
    return "crc32c:%08x".formatted(crc.getValue());
  }
}
