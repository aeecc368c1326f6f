package dev.vmstate.bytes;

import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;

/**
 * Reads one bounded region, big-endian. Every length is checked against what is left before it is
 * used; a failed read moves nothing; {@link #bad} points at the value read last.
 */
public final class Cursor {
  private final ByteSource source;
  private final String place;
  private final Span bounds;
  private final ByteBuffer scratch = ByteBuffer.allocate(8);
  private long position;
  private long last;

  /** Starts at the first byte of {@code bounds}; {@code place} names the region in errors. */
  public Cursor(ByteSource source, String place, Span bounds) {
    this.source = source;
    this.place = place;
    this.bounds = bounds;
    this.position = bounds.offset();
    this.last = position;
  }

  /** The whole of {@code source}. */
  public static Cursor of(ByteSource source) {
    return new Cursor(source, source.name(), new Span(0, source.size()));
  }

  /** What error messages call the region. */
  public String place() {
    return place;
  }

  /** Where the next value starts, from the start of the source. */
  public long position() {
    return position;
  }

  /** Bytes left in the region. */
  public long remaining() {
    return bounds.end() - position;
  }

  /** The next byte without moving, or -1 at the end of the region. */
  public int peek() throws IOException {
    if (remaining() <= 0) {
      return -1;
    }
    scratch.clear().limit(1);
    return source.readSome(position, scratch) == 0 ? -1 : scratch.get(0) & 0xff;
  }

  /** Unsigned byte. */
  public int u8(String field) throws IOException {
    return take(1, field).get(0) & 0xff;
  }

  /** Unsigned 16 bits. */
  public int u16(String field) throws IOException {
    return take(2, field).getShort(0) & 0xffff;
  }

  /** Unsigned 32 bits. */
  public long u32(String field) throws IOException {
    return take(4, field).getInt(0) & 0xffff_ffffL;
  }

  /** 64 bits; the caller decides about the sign. */
  public long u64(String field) throws IOException {
    return take(8, field).getLong(0);
  }

  /** QEMU's counted string: a length byte, then that many bytes, no NUL. */
  public String countedString(String field) throws IOException {
    long start = position;
    int length = u8(field);
    if (length > remaining()) {
      position = start;
      last = start;
      throw bad("'%s' is %d bytes long, %d left".formatted(field, length, remaining() - 1));
    }
    return text(length, field);
  }

  /** {@code length} bytes of text; bytes outside ASCII are kept one to one as Latin-1. */
  public String text(long length, String field) throws IOException {
    long start = position;
    Span span = skip(length, field);
    try {
      return StandardCharsets.ISO_8859_1.decode(source.read(span)).toString();
    } catch (EOFException e) {
      throw ended(e, start, length, field);
    }
  }

  /** Passes over {@code length} bytes and says where they are. */
  public Span skip(long length, String field) throws FormatException {
    Span span = new Span(position, checked(length, field));
    last = position;
    position += length;
    return span;
  }

  /** A cursor over the next {@code length} bytes, which this cursor passes over. */
  public Cursor slice(long length, String name) throws FormatException {
    return new Cursor(source, place + ": " + name, skip(length, name));
  }

  /** An error that points at the value read last. */
  public FormatException bad(String why) {
    return new FormatException(place, last, why);
  }

  private ByteBuffer take(int length, String field) throws IOException {
    checked(length, field);
    scratch.clear().limit(length);
    try {
      source.read(position, scratch);
    } catch (EOFException e) {
      throw ended(e, position, length, field);
    }
    last = position;
    position += length;
    return scratch;
  }

  private long checked(long length, String field) throws FormatException {
    if (length < 0 || length > remaining()) {
      throw cutShort(position, length, remaining(), field);
    }
    return length;
  }

  /** Where the source ends shows only now, if it is one that comes from front to back. */
  private IOException ended(EOFException e, long at, long length, String field) {
    long left = Math.max(0, source.size() - at);
    return left < length ? cutShort(at, length, left, field) : e;
  }

  private FormatException cutShort(long at, long length, long left, String field) {
    return new FormatException(
        place,
        at,
        "'%s' needs %s bytes, %d left (is the file cut short?)"
            .formatted(field, Long.toUnsignedString(length), left));
  }
}
