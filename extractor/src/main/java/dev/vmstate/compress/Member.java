package dev.vmstate.compress;

import java.io.IOException;

/** One member of compressed data: a gzip member, a zstd frame, an xz stream. */
interface Member extends AutoCloseable {
  /**
   * Decompresses some bytes.
   *
   * @return how many, at least 1, or -1 when the member has ended and nothing behind it was read
   * @throws java.io.EOFException when the input ends inside the member
   * @throws IOException what is wrong with the data, without its place
   */
  int read(byte[] into, int at, int length) throws IOException;

  @Override
  default void close() {}
}
