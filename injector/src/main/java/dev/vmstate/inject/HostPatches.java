package dev.vmstate.inject;

import dev.vmstate.bytes.Patch;
import dev.vmstate.bytes.Span;
import java.io.IOException;
import java.nio.ByteBuffer;

/**
 * Tells patches of an image file. One that begins in front of the old end of the file and ends
 * behind it is told as two: what is behind was appended.
 */
final class HostPatches {
  /** Two differences closer than this are one patch. */
  private static final int GAP = 16;

  private final StreamTarget target;
  private final long fileSize;

  HostPatches(StreamTarget target, long fileSize) {
    this.target = target;
    this.fileSize = fileSize;
  }

  /** Replaces what stands at {@code at}. */
  void bytes(long at, ByteBuffer bytes) throws IOException {
    int length = bytes.remaining();
    if (length == 0) {
      return;
    }
    int old = (int) Math.max(0, Math.min(length, fileSize - at));
    if (old > 0) {
      target.patch(new Patch(new Span(at, old), bytes.slice(bytes.position(), old)));
    }
    if (old < length) {
      ByteBuffer rest = bytes.slice(bytes.position() + old, length - old);
      target.patch(new Patch(new Span(at + old, length - old), rest));
    }
  }

  /** Big-endian. */
  void u64(long at, long value) throws IOException {
    bytes(at, ByteBuffer.allocate(8).putLong(value).flip());
  }

  /** Big-endian, the low half of {@code value}. */
  void u32(long at, long value) throws IOException {
    bytes(at, ByteBuffer.allocate(4).putInt((int) value).flip());
  }

  /** Replaces what differs of the bytes from {@code at} on; both buffers whole. */
  void differences(long at, ByteBuffer before, ByteBuffer after) throws IOException {
    for (int from = 0; from < before.limit(); ) {
      int start = mismatch(before, after, from);
      if (start < 0) {
        return;
      }
      int end = start + 1;
      for (int next = end; next >= 0 && next <= end + GAP; next = mismatch(before, after, end)) {
        end = next + 1;
      }
      end = Math.min(end, before.limit());
      bytes(at + start, after.slice(start, end - start));
      from = end;
    }
  }

  private static int mismatch(ByteBuffer before, ByteBuffer after, int from) {
    if (from >= before.limit()) {
      return -1;
    }
    int at =
        before
            .slice(from, before.limit() - from)
            .mismatch(after.slice(from, before.limit() - from));
    return at < 0 ? -1 : from + at;
  }
}
