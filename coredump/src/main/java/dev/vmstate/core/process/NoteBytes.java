package dev.vmstate.core.process;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/** Puts values of C into a note, as large as the process has them: {@code long}s of 8 or 4. */
final class NoteBytes {
  private final ByteBuffer out;
  private final boolean i386;

  NoteBytes(int bytes, boolean i386) {
    this.out = ByteBuffer.allocate(bytes).order(ByteOrder.LITTLE_ENDIAN);
    this.i386 = i386;
  }

  ByteBuffer out() {
    return out;
  }

  NoteBytes u8(long value) {
    out.put((byte) value);
    return this;
  }

  NoteBytes u16(long value) {
    out.putShort((short) value);
    return this;
  }

  NoteBytes u32(long value) {
    out.putInt((int) value);
    return this;
  }

  /** A {@code long} at a place that is a multiple of its size. */
  NoteBytes word(long value) {
    int bytes = i386 ? 4 : 8;
    out.position(out.position() + bytes - 1 & -bytes);
    if (i386) {
      out.putInt((int) value);
    } else {
      out.putLong(value);
    }
    return this;
  }

  /** A {@code struct timeval}: seconds and microseconds. */
  NoteBytes time(long nanoseconds) {
    return word(Long.divideUnsigned(nanoseconds, 1_000_000_000L))
        .word(Long.remainderUnsigned(nanoseconds, 1_000_000_000L) / 1000);
  }

  byte[] array() {
    return out.array();
  }
}
