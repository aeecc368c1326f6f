package dev.vmstate.compress;

import com.github.luben.zstd.Zstd;
import com.github.luben.zstd.ZstdDecompressCtx;
import com.github.luben.zstd.ZstdException;
import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;

/** A zstd frame, RFC 8878, or a skippable frame, which gives nothing. */
final class ZstdMember implements Member {
  /** What the zstd program reads without --memory: a window of 128 MiB, {@code --long=27}. */
  private static final int WINDOW_LOG = 27;

  private static final int OUT = 1 << 17;

  private final CompressedInput in;
  private final ZstdDecompressCtx context = new ZstdDecompressCtx();
  private final ByteBuffer source = ByteBuffer.allocateDirect(CompressedInput.BUFFER);
  private final ByteBuffer out = ByteBuffer.allocateDirect(OUT).limit(0);
  private boolean ended;

  ZstdMember(CompressedInput in) {
    this.in = in;
    context.setLongMax(WINDOW_LOG);
  }

  @Override
  public int read(byte[] into, int at, int length) throws IOException {
    while (!out.hasRemaining()) {
      if (ended) {
        return -1;
      }
      decompress();
    }
    int part = Math.min(length, out.remaining());
    out.get(into, at, part);
    return part;
  }

  private void decompress() throws IOException {
    int available = in.fill(1);
    source.clear().put(in.buffer(), in.next(), available).flip();
    out.clear();
    try {
      ended = context.decompressDirectByteBufferStream(out, source);
    } catch (ZstdException e) {
      if (Zstd.getErrorCode(e.getErrorCode()) == Zstd.errFrameParameterWindowTooLarge()) {
        throw new TooLargeException(
            "its window takes more than %d MiB of memory".formatted(1 << WINDOW_LOG - 20));
      }
      throw new IOException(e.getMessage(), e);
    } finally {
      in.advance(source.position());
      out.flip();
    }
    if (!ended && available == 0 && !out.hasRemaining()) {
      throw new EOFException();
    }
  }

  @Override
  public void close() {
    context.close();
  }
}
