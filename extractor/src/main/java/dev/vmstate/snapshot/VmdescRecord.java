package dev.vmstate.snapshot;

import dev.vmstate.bytes.ByteSource;
import dev.vmstate.bytes.FormatException;
import dev.vmstate.bytes.Span;
import dev.vmstate.bytes.WindowedSource;
import dev.vmstate.device.VmDescription;
import dev.vmstate.device.VmDescriptionJson;
import dev.vmstate.stream.RecordType;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.util.Optional;
import java.util.function.IntPredicate;

/**
 * The record at the end of a stream: {@code 0x00 0x06 u32 length, JSON}.
 *
 * <p>Found from the end without knowing the length: JSON holds no control characters, so walking
 * back to one stops inside or just before the six bytes in front of it, and the length says which.
 *
 * @param eof where the 0x00 that ends the records stands
 * @param json the JSON's bytes
 */
record VmdescRecord(long eof, Span json) {
  private static final int FRAME = 6;

  /** A virtio-gpu guest's is 13 MB; ten times that is no description. */
  private static final long MAX_JSON = 128L << 20;

  /** Zero padding behind the stream that is passed over (volumes are padded to a block). */
  private static final long MAX_PADDING = 64L << 20;

  private static final int WINDOW = 1 << 16;

  static Optional<VmdescRecord> fromEnd(ByteSource stream) throws IOException {
    long size = stream.size();
    if (size == ByteSource.UNKNOWN_SIZE) {
      return Optional.empty();
    }
    long end = back(stream, size, Math.max(0, size - MAX_PADDING), b -> b == 0);
    long text = back(stream, end, Math.max(0, end - MAX_JSON), b -> b >= 0x20);
    for (long start = Math.max(text, FRAME); start < Math.min(text + FRAME, end); start++) {
      if (byteAt(stream, start) == '{'
          && byteAt(stream, end - 1) == '}'
          && byteAt(stream, start - 5) == RecordType.VMDESCRIPTION
          && byteAt(stream, start - 6) == RecordType.EOF
          && length(stream, start - 4) == end - start) {
        return Optional.of(new VmdescRecord(start - FRAME, new Span(start, end - start)));
      }
    }
    return Optional.empty();
  }

  /**
   * The record behind the EOF byte at {@code eof}, if there is one.
   *
   * @throws FormatException when there is the beginning of one
   */
  static Optional<VmdescRecord> behind(ByteSource stream, long eof) throws IOException {
    ByteBuffer front = ByteBuffer.allocate(FRAME + 1);
    int length = stream.readSome(eof, front);
    if (length < 2
        || front.get(1) != RecordType.VMDESCRIPTION
        || length > FRAME && front.get(FRAME) != '{') {
      return Optional.empty(); // nothing, or what was in the container before
    }
    long bytes = length < FRAME ? 0 : front.getInt(2) & 0xffff_ffffL;
    if (length < FRAME || bytes > stream.size() - (eof + FRAME)) {
      throw cutShort(stream, eof + 1);
    }
    if (bytes > MAX_JSON) {
      throw new FormatException(
          stream.name(),
          eof + 2,
          "a description of the devices of 0x%x bytes, more than 0x%x is none"
              .formatted(bytes, MAX_JSON));
    }
    return Optional.of(new VmdescRecord(eof, new Span(eof + FRAME, bytes)));
  }

  private static FormatException cutShort(ByteSource stream, long at) {
    return new FormatException(
        stream.name(), at, "the file is cut short inside the description of the devices");
  }

  /** Walks back from {@code end} over bytes that pass; where the last of them stands. */
  private static long back(ByteSource stream, long end, long limit, IntPredicate passes)
      throws IOException {
    long at = end;
    while (at > limit) {
      int part = (int) Math.min(WINDOW, at - limit);
      byte[] bytes = stream.bytes(new Span(at - part, part));
      for (int i = part; i-- > 0; at--) {
        if (!passes.test(bytes[i] & 0xff)) {
          return at;
        }
      }
    }
    return at;
  }

  VmDescription parse(ByteSource stream) throws IOException {
    return parse(stream, json);
  }

  /** Reads the JSON in {@code json}. */
  static VmDescription parse(ByteSource stream, Span json) throws IOException {
    return VmDescriptionJson.read(input(stream, json), stream.name(), json.offset());
  }

  private static long length(ByteSource source, long at) throws IOException {
    return source.read(new Span(at, 4)).getInt() & 0xffff_ffffL;
  }

  private static int byteAt(ByteSource source, long at) throws IOException {
    return source.read(new Span(at, 1)).get() & 0xff;
  }

  private static InputStream input(ByteSource source, Span span) {
    ByteSource windowed = new WindowedSource(source, WINDOW);
    return new InputStream() {
      private long at = span.offset();

      @Override
      public int read() throws IOException {
        byte[] one = new byte[1];
        return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
      }

      @Override
      public int read(byte[] into, int offset, int length) throws IOException {
        int part = (int) Math.min(length, span.end() - at);
        if (part <= 0) {
          return length == 0 ? 0 : -1;
        }
        int got = windowed.readSome(at, ByteBuffer.wrap(into, offset, part));
        if (got == 0) {
          throw cutShort(source, at);
        }
        at += got;
        return got;
      }
    };
  }
}
