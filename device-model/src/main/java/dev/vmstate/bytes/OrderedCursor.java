package dev.vmstate.bytes;

import java.io.IOException;
import java.nio.ByteOrder;

/**
 * Values of either byte order out of a {@link Cursor}, which itself reads big-endian like migration
 * streams. Checks and errors are the cursor's.
 *
 * @param in where the values come from; it moves
 * @param order of their bytes
 */
public record OrderedCursor(Cursor in, ByteOrder order) {
  /** Unsigned byte. */
  public int u8(String field) throws IOException {
    return in.u8(field);
  }

  /** Unsigned 16 bits. */
  public int u16(String field) throws IOException {
    int value = in.u16(field);
    return little() ? Short.reverseBytes((short) value) & 0xffff : value;
  }

  /** Unsigned 32 bits. */
  public long u32(String field) throws IOException {
    long value = in.u32(field);
    return little() ? Integer.reverseBytes((int) value) & 0xffff_ffffL : value;
  }

  /** 64 bits; the caller decides about the sign. */
  public long u64(String field) throws IOException {
    long value = in.u64(field);
    return little() ? Long.reverseBytes(value) : value;
  }

  /** A C {@code unsigned long}: 64 bits, or 32 bits zero-extended. */
  public long word(boolean wide, String field) throws IOException {
    return wide ? u64(field) : u32(field);
  }

  private boolean little() {
    return order == ByteOrder.LITTLE_ENDIAN;
  }
}
