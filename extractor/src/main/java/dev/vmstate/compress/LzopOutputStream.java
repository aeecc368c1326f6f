package dev.vmstate.compress;

import io.airlift.compress.lzo.LzoCompressor;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.util.zip.Adler32;

/** Writes one lzop member as {@code lzop -c} does; the grammar is with {@link LzopMember}. */
final class LzopOutputStream extends OutputStream {
  private static final int BLOCK = 256 << 10;

  private final OutputStream out;
  private final LzoCompressor compressor = new LzoCompressor();
  private final byte[] block = new byte[BLOCK];
  private final byte[] packed = new byte[compressor.maxCompressedLength(BLOCK)];
  private int filled;
  private boolean closed;

  LzopOutputStream(OutputStream out) throws IOException {
    this.out = out;
    out.write(
        new LzopHeader(LzopHeader.F_ADLER32_D | LzopHeader.F_STDIN | LzopHeader.F_STDOUT).encode());
  }

  @Override
  public void write(int one) throws IOException {
    write(new byte[] {(byte) one}, 0, 1);
  }

  @Override
  public void write(byte[] bytes, int from, int length) throws IOException {
    while (length > 0) {
      int part = Math.min(length, BLOCK - filled);
      System.arraycopy(bytes, from, block, filled, part);
      filled += part;
      from += part;
      length -= part;
      if (filled == BLOCK) {
        block();
      }
    }
  }

  private void block() throws IOException {
    Adler32 checksum = new Adler32();
    checksum.update(block, 0, filled);
    int length = compressor.compress(block, 0, filled, packed, 0, packed.length);
    boolean stored = length >= filled;
    ByteBuffer head = ByteBuffer.allocate(12);
    head.putInt(filled).putInt(stored ? filled : length).putInt((int) checksum.getValue());
    out.write(head.array());
    out.write(stored ? block : packed, 0, stored ? filled : length);
    filled = 0;
  }

  /** Writes no shorter block than it must: a flush changes nothing of the format. */
  @Override
  public void flush() throws IOException {
    out.flush();
  }

  @Override
  public void close() throws IOException {
    if (!closed) {
      closed = true;
      try (out) {
        if (filled > 0) {
          block();
        }
        out.write(new byte[4]);
      }
    }
  }
}
