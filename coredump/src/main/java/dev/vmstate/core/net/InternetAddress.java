package dev.vmstate.core.net;

import dev.vmstate.core.objects.KernelObject;
import java.io.IOException;
import java.util.StringJoiner;

/** Addresses as people write them; their bytes are in network order. */
public final class InternetAddress {
  private InternetAddress() {}

  /** {@code 10.0.0.1} of the four bytes of a member. */
  public static String v4(KernelObject object, String member) throws IOException {
    return text(object.objects().memory().bytes(object.at(member), 4));
  }

  /** {@code fe80::1} of the sixteen bytes of a member. */
  public static String v6(KernelObject object, String member) throws IOException {
    return text(object.objects().memory().bytes(object.at(member), 16));
  }

  /** Of four or sixteen bytes; the latter as RFC 5952 has it. */
  public static String text(byte[] address) {
    if (address.length == 4) {
      return "%d.%d.%d.%d"
          .formatted(address[0] & 255, address[1] & 255, address[2] & 255, address[3] & 255);
    }
    int[] words = new int[8];
    boolean mapped = true;
    for (int i = 0; i < 8; i++) {
      words[i] = (address[2 * i] & 255) << 8 | address[2 * i + 1] & 255;
      mapped &= i > 5 || words[i] == (i == 5 ? 0xffff : 0);
    }
    if (mapped) {
      return "::ffff:%d.%d.%d.%d"
          .formatted(address[12] & 255, address[13] & 255, address[14] & 255, address[15] & 255);
    }
    int from = 0;
    int length = 0;
    for (int i = 0; i < 8; i++) {
      int end = i;
      while (end < 8 && words[end] == 0) {
        end++;
      }
      if (end - i > length) {
        from = i;
        length = end - i;
      }
    }
    return length < 2
        ? words(words, 0, 8)
        : words(words, 0, from) + "::" + words(words, from + length, 8);
  }

  private static String words(int[] words, int from, int to) {
    StringJoiner text = new StringJoiner(":");
    for (int i = from; i < to; i++) {
      text.add(Integer.toHexString(words[i]));
    }
    return text.toString();
  }
}
