package dev.vmstate.convert;

import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;

/** Whole reads and writes of a file that is being made. */
final class CopyFile {
  private CopyFile() {}

  /** Fills {@code into} and makes it ready to be read. */
  static void read(FileChannel file, ByteBuffer into, long at) throws IOException {
    while (into.hasRemaining()) {
      int got = file.read(into, at);
      if (got < 0) {
        throw new EOFException("the copy ends at 0x%x".formatted(at));
      }
      at += got;
    }
    into.flip();
  }

  static void write(FileChannel file, ByteBuffer bytes, long at) throws IOException {
    while (bytes.hasRemaining()) {
      at += file.write(bytes, at);
    }
  }
}
