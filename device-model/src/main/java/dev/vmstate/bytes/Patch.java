package dev.vmstate.bytes;

import java.nio.ByteBuffer;

/**
 * Exactly these bytes replace exactly that span.
 *
 * @param where the replaced bytes
 * @param with as many bytes; a read-only view is handed out, the array is not copied
 */
public record Patch(Span where, ByteBuffer with) {
  public Patch {
    if (with.remaining() != where.length()) {
      throw new IllegalArgumentException(with.remaining() + " bytes for " + where);
    }
    with = with.asReadOnlyBuffer();
  }

  /** A patch from an array the caller no longer changes. */
  public static Patch of(long offset, byte[] bytes) {
    return new Patch(new Span(offset, bytes.length), ByteBuffer.wrap(bytes));
  }

  @Override
  public ByteBuffer with() {
    return with.duplicate();
  }
}
