package dev.vmstate.bytes;

import java.nio.ByteBuffer;

/**
 * These bytes replace that span, be they more or fewer: a {@link Patch} after which what follows
 * may stand somewhere else.
 *
 * @param where the bytes that go; empty for a place where bytes only come
 * @param with the bytes that come; a read-only view is handed out, the array is not copied
 */
public record Splice(Span where, ByteBuffer with) {
  public Splice {
    with = with.slice().asReadOnlyBuffer();
  }

  /** A splice from an array the caller no longer changes. */
  public static Splice of(Span where, byte[] bytes) {
    return new Splice(where, ByteBuffer.wrap(bytes));
  }

  /** The bytes of {@code where} go, none come. */
  public static Splice cut(Span where) {
    return of(where, new byte[0]);
  }

  /** None go, {@code bytes} come in front of what stands at {@code offset}. */
  public static Splice insert(long offset, byte[] bytes) {
    return of(new Span(offset, 0), bytes);
  }

  @Override
  public ByteBuffer with() {
    return with.duplicate();
  }

  /** By how many bytes what follows moves; negative when it moves down. */
  public long growth() {
    return with.remaining() - where.length();
  }
}
