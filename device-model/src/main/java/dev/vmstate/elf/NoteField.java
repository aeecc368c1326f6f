package dev.vmstate.elf;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Optional;

/**
 * One value in a note's descriptor, little-endian.
 *
 * @param name as the C structure calls it, e.g. {@code fs_base}, {@code cr[3]}
 * @param register the register it holds, named as in {@link dev.vmstate.cpu.X86Cpu}
 * @param offset from the descriptor's start
 * @param bytes 4 or 8
 */
public record NoteField(String name, Optional<String> register, int offset, int bytes) {

  /**
   * A field and what a descriptor has there.
   *
   * @param value zero-extended
   */
  public record Value(NoteField field, long value) {}

  static NoteField of(String name, String register, int offset, int bytes) {
    return new NoteField(name, Optional.of(register), offset, bytes);
  }

  static NoteField plain(String name, int offset, int bytes) {
    return new NoteField(name, Optional.empty(), offset, bytes);
  }

  /** Whether a descriptor of that length has this field. */
  boolean fits(int descriptorBytes) {
    return offset + bytes <= descriptorBytes;
  }

  Value get(ByteBuffer descriptor) {
    ByteBuffer little = descriptor.slice().order(ByteOrder.LITTLE_ENDIAN);
    return new Value(
        this, bytes == 8 ? little.getLong(offset) : little.getInt(offset) & 0xffff_ffffL);
  }

  void put(ByteBuffer descriptor, long value) {
    if (bytes == 8) {
      descriptor.putLong(offset, value);
    } else {
      descriptor.putInt(offset, (int) value);
    }
  }
}
