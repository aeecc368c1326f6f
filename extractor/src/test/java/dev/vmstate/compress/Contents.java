package dev.vmstate.compress;

import java.util.Arrays;
import java.util.Random;

/** Bytes like those of a snapshot: pages of zeros, of text, of numbers, of noise. */
final class Contents {
  private Contents() {}

  static byte[] pages(int count, long seed) {
    Random random = new Random(seed);
    byte[] bytes = new byte[count * 4096 + 1234];
    for (int at = 0; at < bytes.length; at += 4096) {
      int end = Math.min(bytes.length, at + 4096);
      switch (random.nextInt(5)) {
        case 0 -> {
          byte[] noise = new byte[end - at];
          random.nextBytes(noise);
          System.arraycopy(noise, 0, bytes, at, noise.length);
        }
        case 1 -> {
          for (int i = at; i < end; i++) {
            bytes[i] = (byte) "a page of text, ".charAt(i % 16);
          }
        }
        case 2 -> {
          for (int i = at; i < end; i += 8) {
            bytes[i] = (byte) random.nextInt(16);
          }
        }
        case 3 -> Arrays.fill(bytes, at, end, (byte) random.nextInt());
        default -> {}
      }
    }
    return bytes;
  }
}
