package dev.vmstate.machine;

import java.io.IOException;

/** Bytes, first in first out, of a fixed most. */
final class ByteQueue {
  private final byte[] bytes;
  private int first;
  private int count;

  ByteQueue(int most) {
    this.bytes = new byte[most];
  }

  int count() {
    return count;
  }

  void put(int b) {
    if (count == bytes.length) {
      throw new IllegalStateException("no room for more than %d bytes".formatted(count));
    }
    bytes[(first + count) % bytes.length] = (byte) b;
    count++;
  }

  int first() {
    return bytes[first] & 0xff;
  }

  int take() {
    int b = bytes[first] & 0xff;
    first = (first + 1) % bytes.length;
    count--;
    return b;
  }

  void clear() {
    first = 0;
    count = 0;
  }

  /** As many as there can be, from the first on; zeros behind the last. */
  byte[] bytes() {
    byte[] all = new byte[bytes.length];
    for (int i = 0; i < count; i++) {
      all[i] = bytes[(first + i) % bytes.length];
    }
    return all;
  }

  /** Takes the first {@code saved} of {@code from}, which are as many as there can be. */
  void restore(String name, long saved, byte[] from) throws IOException {
    if (saved > bytes.length) {
      throw new IOException("%s: %d of %d bytes".formatted(name, saved, bytes.length));
    }
    System.arraycopy(from, 0, bytes, 0, from.length);
    first = 0;
    count = (int) saved;
  }
}
