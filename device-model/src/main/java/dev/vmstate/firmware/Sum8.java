package dev.vmstate.firmware;

/** Checksums of firmware tables: all bytes add up to 0, modulo 256. */
final class Sum8 {
  private Sum8() {}

  /** The sum, 0 to 255. */
  static int of(byte[] bytes, int from, int length) {
    int sum = 0;
    for (int i = from; i < from + length; i++) {
      sum += bytes[i];
    }
    return sum & 0xff;
  }

  /** Sets the byte at {@code at} so that the whole adds up to 0. */
  static void fix(byte[] bytes, int at) {
    bytes[at] = 0;
    bytes[at] = (byte) -of(bytes, 0, bytes.length);
  }
}
