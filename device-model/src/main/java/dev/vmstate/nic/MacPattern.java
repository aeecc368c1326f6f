package dev.vmstate.nic;

/**
 * How the bytes of an address stand: {@code 3210,..54} is m3 m2 m1 m0, two bytes that are something
 * else, m5 m4.
 */
final class MacPattern {
  private static final int OTHER = -1;
  private final int[] places;

  private MacPattern(int... places) {
    this.places = places;
  }

  /**
   * Reads a pattern.
   *
   * @throws IllegalArgumentException when a byte of the address is missing from it
   */
  static MacPattern parse(String text) {
    String digits = text.replace(",", "");
    if (!digits.matches("[0-5.]+") || digits.chars().filter(c -> c != '.').distinct().count() < 6) {
      throw new IllegalArgumentException("'%s' is no pattern of an address".formatted(text));
    }
    return new MacPattern(digits.chars().map(c -> c == '.' ? OTHER : c - '0').toArray());
  }

  /** Bytes it covers. */
  int length() {
    return places.length;
  }

  /** The address in {@code bytes}; of a byte that stands twice, the last one. */
  MacAddress read(byte[] bytes) {
    byte[] mac = new byte[6];
    for (int i = 0; i < places.length; i++) {
      if (places[i] != OTHER) {
        mac[places[i]] = bytes[i];
      }
    }
    return MacAddress.of(mac);
  }

  /** The same bytes with another address. */
  byte[] write(byte[] bytes, MacAddress mac) {
    byte[] changed = bytes.clone();
    for (int i = 0; i < places.length; i++) {
      if (places[i] != OTHER) {
        changed[i] = (byte) mac.at(places[i]);
      }
    }
    return changed;
  }

  /** Whether {@code mac} stands at {@code at}; bytes that are something else may be anything. */
  boolean matches(byte[] bytes, int at, MacAddress mac) {
    if (at + places.length > bytes.length) {
      return false;
    }
    for (int i = 0; i < places.length; i++) {
      if (places[i] != OTHER && bytes[at + i] != (byte) mac.at(places[i])) {
        return false;
      }
    }
    return true;
  }
}
