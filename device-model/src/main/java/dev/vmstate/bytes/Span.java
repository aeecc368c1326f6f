package dev.vmstate.bytes;

/**
 * A range of bytes in one source.
 *
 * @param offset first byte, counted from the start of the source
 * @param length number of bytes, may be 0
 */
public record Span(long offset, long length) {
  public Span {
    if (offset < 0 || length < 0 || offset + length < 0) {
      throw new IllegalArgumentException("span " + offset + "+" + length);
    }
  }

  /** The first byte after this span. */
  public long end() {
    return offset + length;
  }

  /** Whether {@code other} lies wholly inside this span. */
  public boolean contains(Span other) {
    return other.offset >= offset && other.end() <= end();
  }

  /** Whether the two spans share a byte. */
  public boolean overlaps(Span other) {
    return other.offset < end() && offset < other.end();
  }

  /** The {@code length} bytes that start {@code at} bytes into this span. */
  public Span at(long at, long length) {
    Span part = new Span(offset + at, length);
    if (at < 0 || !contains(part)) {
      throw new IllegalArgumentException(at + "+" + length + " is outside " + this);
    }
    return part;
  }

  @Override
  public String toString() {
    return "0x%x+0x%x".formatted(offset, length);
  }
}
