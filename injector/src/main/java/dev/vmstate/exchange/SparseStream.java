package dev.vmstate.exchange;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.util.Arrays;

/** Writes a file from front to back and leaves out blocks of zeros: they become holes. */
public final class SparseStream extends OutputStream {
  private static final int BLOCK = 4096;
  private static final byte[] ZEROS = new byte[BLOCK];

  private final OutputFile file;
  private long at;

  /** Writes into {@code file} from its first byte on. */
  public SparseStream(OutputFile file) {
    this.file = file;
  }

  @Override
  public void write(int one) throws IOException {
    write(new byte[] {(byte) one}, 0, 1);
  }

  @Override
  public void write(byte[] bytes, int from, int length) throws IOException {
    int end = from + length;
    int dataFrom = from;
    for (int next = from; next < end; ) {
      int part = (int) Math.min(end - next, BLOCK - (at + next - from) % BLOCK);
      if (part == BLOCK && Arrays.equals(bytes, next, next + part, ZEROS, 0, BLOCK)) {
        put(bytes, from, dataFrom, next);
        dataFrom = next + part;
      }
      next += part;
    }
    put(bytes, from, dataFrom, end);
    at += length;
  }

  /** Writes {@code first} to {@code end} of an array whose byte {@code from} belongs here. */
  private void put(byte[] bytes, int from, int first, int end) throws IOException {
    if (first < end) {
      file.write(ByteBuffer.wrap(bytes, first, end - first), at + first - from);
    }
  }

  /** Gives the file its length, if it ends with a hole; the file stays open. */
  @Override
  public void close() throws IOException {
    if (file.channel().size() < at) {
      file.write(ByteBuffer.allocate(1), at - 1);
    }
  }
}
