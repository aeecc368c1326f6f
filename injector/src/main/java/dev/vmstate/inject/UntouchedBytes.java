package dev.vmstate.inject;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.util.BitSet;
import java.util.zip.CRC32C;

/**
 * Samples of a file outside the places a change touches. They tell whether a journal and a file
 * belong together when the file is half changed and its changed bytes prove nothing. At most 128
 * KiB are read, whatever the file's size.
 */
final class UntouchedBytes {
  private static final int SAMPLES = 256;
  private static final int BYTES = 512;

  private final long size;
  private final long step;
  private final BitSet touched = new BitSet(SAMPLES + 1);

  /** Samples of a file of {@code size} bytes, no matter how long it is now. */
  UntouchedBytes(long size) {
    this.size = size;
    this.step = Math.max(BYTES, size / SAMPLES);
  }

  /** Leaves out every sample that the range reaches into. */
  void touch(long offset, long length) {
    if (length > 0) {
      long first = offset / step + (offset % step >= BYTES ? 1 : 0);
      long last = (offset + length - 1) / step;
      if (first <= last) {
        touched.set((int) first, (int) last + 1);
      }
    }
  }

  /** CRC-32C of the samples that are left. */
  int crc(FileChannel file, Path name) throws IOException {
    CRC32C crc = new CRC32C();
    ByteBuffer buffer = ByteBuffer.allocate(BYTES);
    for (int i = 0; i * step < size; i++) {
      if (!touched.get(i)) {
        buffer.clear().limit((int) Math.min(BYTES, size - i * step));
        InPlace.read(file, buffer, i * step, name);
        crc.update(buffer.flip());
      }
    }
    return (int) crc.getValue();
  }
}
