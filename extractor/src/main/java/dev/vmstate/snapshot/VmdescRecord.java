package dev.vmstate.snapshot;

import dev.vmstate.bytes.ByteSource;
import dev.vmstate.bytes.Span;
import dev.vmstate.bytes.WindowedSource;
import dev.vmstate.device.VmDescription;
import dev.vmstate.device.VmDescriptionJson;
import dev.vmstate.stream.RecordType;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.util.Optional;

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
    ByteSource tail = new WindowedBackwards(stream);
    long end = stream.size();
    long limit = Math.max(0, end - MAX_PADDING);
    while (end > limit && byteAt(tail, end - 1) == 0) {
      end--;
    }
    if (end == 0 || byteAt(tail, end - 1) != '}') {
      return Optional.empty();
    }
    long text = end - 1;
    limit = Math.max(0, end - MAX_JSON);
    while (text > limit && byteAt(tail, text - 1) >= 0x20) {
      text--;
    }
    for (long start = text; start < Math.min(text + FRAME, end); start++) {
      if (start >= FRAME
          && byteAt(tail, start) == '{'
          && byteAt(tail, start - 5) == RecordType.VMDESCRIPTION
          && byteAt(tail, start - 6) == RecordType.EOF
          && (tail.read(new Span(start - 4, 4)).getInt() & 0xffff_ffffL) == end - start) {
        return Optional.of(new VmdescRecord(start - FRAME, new Span(start, end - start)));
      }
    }
    return Optional.empty();
  }

  VmDescription parse(ByteSource stream) throws IOException {
    return VmDescriptionJson.read(input(stream, json), stream.name(), json.offset());
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
        return at == span.end() ? -1 : byteAt(windowed, at++);
      }

      @Override
      public int read(byte[] into, int offset, int length) throws IOException {
        int part = (int) Math.min(length, span.end() - at);
        if (part <= 0) {
          return length == 0 ? 0 : -1;
        }
        windowed.read(at, ByteBuffer.wrap(into, offset, part));
        at += part;
        return part;
      }
    };
  }

  /** A window that ends, not starts, at the byte asked for: this walk goes down. */
  private static final class WindowedBackwards implements ByteSource {
    private final ByteSource source;
    private byte[] window = new byte[0];
    private long start;

    WindowedBackwards(ByteSource source) {
      this.source = source;
    }

    @Override
    public String name() {
      return source.name();
    }

    @Override
    public long size() {
      return source.size();
    }

    @Override
    public void read(long offset, ByteBuffer into) throws IOException {
      int wanted = into.remaining();
      if (offset < start || offset + wanted > start + window.length) {
        long end = Math.min(size(), offset + wanted + 16);
        long from = Math.max(0, end - WINDOW);
        window = source.bytes(new Span(from, end - from));
        start = from;
      }
      into.put(window, (int) (offset - start), wanted);
    }
  }
}
