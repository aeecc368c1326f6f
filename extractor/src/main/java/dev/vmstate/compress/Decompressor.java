package dev.vmstate.compress;

import dev.vmstate.bytes.FormatException;
import dev.vmstate.bytes.UnsupportedFormatException;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Compressed data decompressed, all its members. Every error is a {@link FormatException} that says
 * where in the compressed data it is (or what the input failed with); after one the stream is of no
 * more use.
 */
public final class Decompressor extends InputStream {
  private final String name;
  private final Compression compression;
  private final CompressedInput in;
  private final byte[] one = new byte[1];
  private @Nullable Member member;
  private boolean started;
  private boolean ended;
  private boolean trailing;

  Decompressor(String name, Compression compression, InputStream in, long at) {
    this.name = name;
    this.compression = compression;
    this.in = new CompressedInput(in, at);
  }

  /** Where the next compressed byte to be read stands. */
  public long position() {
    return in.position();
  }

  /** Whether the data ended where bytes stand that are neither zeros nor another member. */
  public boolean trailing() {
    return trailing;
  }

  @Override
  public int read() throws IOException {
    return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
  }

  @Override
  public int read(byte[] into, int at, int length) throws IOException {
    if (length == 0) {
      return 0;
    }
    try {
      while (!ended) {
        if (member == null && !nextMember()) {
          break;
        }
        Member current = Objects.requireNonNull(member);
        int got = current.read(into, at, length);
        if (got >= 0) {
          return got;
        }
        current.close();
        member = null;
      }
      ended = true;
      return -1;
    } catch (FormatException e) {
      throw e;
    } catch (IOException | RuntimeException e) {
      throw explained(e);
    }
  }

  private boolean nextMember() throws IOException {
    if (started) {
      while (in.fill(1) > 0 && in.buffer()[in.next()] == 0) {
        in.advance(1);
      }
    }
    int length = Math.min(in.fill(Compression.MAGIC_BYTES), Compression.MAGIC_BYTES);
    byte[] front = new byte[length];
    System.arraycopy(in.buffer(), in.next(), front, 0, length);
    if (compression.startsWith(front)) {
      started = true;
      member = compression.open(in);
      return true;
    }
    if (!started) {
      throw new FormatException(
          name, in.position(), "no %s data begins here".formatted(compression));
    }
    trailing = length > 0;
    return false;
  }

  private IOException explained(Exception e) {
    IOException failed = in.failure();
    if (failed != null) {
      return failed;
    }
    if (e instanceof EOFException || in.exhausted()) {
      return new FormatException(
          name, in.position(), "the %s data is cut short here".formatted(compression));
    }
    if (e instanceof TooLargeException) {
      return new UnsupportedFormatException(
          name,
          in.position(),
          "%s: decompress the file first ('%s -dc FILE > OTHER')"
              .formatted(e.getMessage(), compression));
    }
    String why = e.getMessage() == null ? e.getClass().getSimpleName() : e.getMessage();
    return new FormatException(
        name, in.position(), "damaged %s data: %s".formatted(compression, why));
  }

  @Override
  public void close() throws IOException {
    ended = true;
    if (member != null) {
      member.close();
      member = null;
    }
    in.close();
  }
}
