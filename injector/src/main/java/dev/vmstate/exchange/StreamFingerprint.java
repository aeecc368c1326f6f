package dev.vmstate.exchange;

import dev.vmstate.bytes.ByteSource;
import dev.vmstate.bytes.Span;
import dev.vmstate.ram.PageVisitor;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.zip.CRC32C;

/**
 * Notices that a snapshot is no longer the one a core was extracted from. Taken from the page
 * records as they pass, so it costs no reading of its own: a CRC-32C over all page bytes in stream
 * order, a hash of the places they belong to, and a CRC-32C over the device state. It finds
 * accidents, not forgeries.
 */
public final class StreamFingerprint implements PageVisitor {
  private static final int STEP = 1 << 20;

  /** Odd, so that no page is lost from the hash; its bits spread over the whole word. */
  private static final long FACTOR = 0x9e37_79b9_7f4a_7c15L;

  private final int pageSize;
  private final CRC32C pages = new CRC32C();
  private ByteBuffer seen = ByteBuffer.allocate(0);
  private ByteBuffer view = seen;
  private long places;

  /** {@code pageSize}: bytes of a page record. */
  public StreamFingerprint(int pageSize) {
    this.pageSize = pageSize;
  }

  @SuppressWarnings("ReferenceEquality") // the same buffer all along, whatever is in it
  @Override
  public void data(int block, long page, ByteBuffer bytes, int at, long offset) {
    place(block, page, 0x100);
    if (bytes != seen) {
      seen = bytes;
      view = bytes.duplicate();
    }
    view.clear().limit(at + pageSize).position(at);
    pages.update(view);
  }

  @Override
  public void fill(int block, long page, int value) {
    place(block, page, value);
  }

  private void place(int block, long page, int value) {
    places = (places ^ page << 32 ^ (long) block << 16 ^ value) * FACTOR;
    places ^= places >>> 29;
  }

  /** Of all page records seen. */
  public String pages() {
    return "crc32c:%08x, places:%016x".formatted(pages.getValue(), places);
  }

  /** Of spans, e.g. the device state. */
  public static String of(ByteSource source, List<Span> spans) throws IOException {
    CRC32C crc = new CRC32C();
    ByteBuffer buffer = ByteBuffer.allocate(STEP);
    for (Span span : spans) {
      for (long at = span.offset(); at < span.end(); at += STEP) {
        buffer.clear().limit((int) Math.min(STEP, span.end() - at));
        source.read(at, buffer);
        crc.update(buffer.flip());
      }
    }
    return "crc32c:%08x".formatted(crc.getValue());
  }
}
