package dev.vmstate.nic;

import java.util.Arrays;
import java.util.HexFormat;

/** Six bytes of an Ethernet address. */
public final class MacAddress {
  private final byte[] bytes;

  private MacAddress(byte[] bytes) {
    this.bytes = bytes;
  }

  /** Six bytes, as they go over the wire. */
  public static MacAddress of(byte[] bytes) {
    if (bytes.length != 6) {
      throw new IllegalArgumentException(bytes.length + " bytes are no MAC address");
    }
    return new MacAddress(bytes.clone());
  }

  /**
   * Reads {@code 52:54:00:12:34:56} (or with dashes).
   *
   * @throws IllegalArgumentException when it is something else, or a multicast address
   */
  public static MacAddress parse(String text) {
    if (!text.matches("[0-9a-fA-F]{2}(([:-])[0-9a-fA-F]{2}){5}")) {
      throw new IllegalArgumentException(
          "'%s' is no MAC address: six bytes like 52:54:00:12:34:56 are".formatted(text));
    }
    byte[] bytes = HexFormat.of().parseHex(text.replaceAll("[:-]", ""));
    if ((bytes[0] & 1) != 0) {
      throw new IllegalArgumentException(
          "'%s' is a multicast address: the first byte of a NIC's own address is even"
              .formatted(text));
    }
    return new MacAddress(bytes);
  }

  /** A copy of the six bytes. */
  public byte[] bytes() {
    return bytes.clone();
  }

  /** Byte {@code i}, 0 to 255. */
  public int at(int i) {
    return bytes[i] & 0xff;
  }

  /** Bytes {@code 2i} and {@code 2i+1} as the little-endian word EEPROMs keep. */
  public int word(int i) {
    return at(2 * i) | at(2 * i + 1) << 8;
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof MacAddress mac && Arrays.equals(bytes, mac.bytes);
  }

  @Override
  public int hashCode() {
    return Arrays.hashCode(bytes);
  }

  @Override
  public String toString() {
    return HexFormat.ofDelimiter(":").formatHex(bytes);
  }
}
