package dev.vmstate.core.dwarf;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/** Bytes that grow, little-endian, with the numbers of variable length that DWARF has. */
public final class LittleBytes {
  private byte[] bytes = new byte[1 << 12];
  private int size;

  private int grow(int by) {
    int at = size;
    size = Math.addExact(size, by);
    if (size > bytes.length) {
      bytes = Arrays.copyOf(bytes, (int) Math.min(Integer.MAX_VALUE - 8, 2L * size));
    }
    return at;
  }

  /** Bytes so far. */
  public int size() {
    return size;
  }

  /** The low byte of {@code value}. */
  public LittleBytes u8(int value) {
    int at = grow(1);
    bytes[at] = (byte) value;
    return this;
  }

  /** The low two bytes of {@code value}. */
  public LittleBytes u16(int value) {
    return number(2, value);
  }

  /** The low four bytes of {@code value}. */
  public LittleBytes u32(long value) {
    return number(4, value);
  }

  /** Eight bytes. */
  public LittleBytes u64(long value) {
    return number(8, value);
  }

  /** The low {@code width} bytes of {@code value}. */
  public LittleBytes number(int width, long value) {
    int at = grow(width);
    for (int i = 0; i < width; i++) {
      bytes[at + i] = (byte) (value >> 8 * i);
    }
    return this;
  }

  /** An unsigned LEB128. */
  public LittleBytes uleb(long value) {
    long left = value;
    while (left >>> 7 != 0) {
      u8((int) left & 0x7f | 0x80);
      left >>>= 7;
    }
    return u8((int) left);
  }

  /** A signed LEB128. */
  public LittleBytes sleb(long value) {
    long left = value;
    while (left < -64 || left > 63) {
      u8((int) left & 0x7f | 0x80);
      left >>= 7;
    }
    return u8((int) left & 0x7f);
  }

  /** All of {@code more}. */
  public LittleBytes bytes(byte[] more) {
    return bytes(more, 0, more.length);
  }

  /** Part of {@code more}. */
  public LittleBytes bytes(byte[] more, int from, int length) {
    int at = grow(length);
    System.arraycopy(more, from, bytes, at, length);
    return this;
  }

  /** All of {@code more}. */
  public LittleBytes bytes(LittleBytes more) {
    return bytes(more.bytes, 0, more.size);
  }

  /** Latin-1 and a NUL; returns where it begins. */
  public int string(String text) {
    int at = size;
    bytes(text.getBytes(StandardCharsets.ISO_8859_1)).u8(0);
    return at;
  }

  /** Zeros up to a multiple of {@code alignment}. */
  public LittleBytes align(int alignment) {
    grow(Math.floorMod(-size, alignment));
    return this;
  }

  /** The four bytes at {@code at}. */
  public int getInt(int at) {
    return bytes[at] & 0xff
        | (bytes[at + 1] & 0xff) << 8
        | (bytes[at + 2] & 0xff) << 16
        | bytes[at + 3] << 24;
  }

  /** Replaces four bytes. */
  public void setInt(int at, int value) {
    for (int i = 0; i < 4; i++) {
      bytes[at + i] = (byte) (value >> 8 * i);
    }
  }

  /** Writes everything. */
  public void writeTo(OutputStream out) throws IOException {
    out.write(bytes, 0, size);
  }

  /** A copy. */
  public byte[] array() {
    return Arrays.copyOf(bytes, size);
  }
}
