package dev.vmstate.machine;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.List;

/** RAM by guest-physical addresses. */
interface PhysicalRam {
  /** A piece of it, the first starting at 0. */
  record Range(long gpa, long length) {
    long end() {
      return gpa + length;
    }
  }

  /** By their addresses. */
  List<Range> ranges();

  /** Puts what is left of {@code from} there; only where {@link #has} says yes. */
  void write(long gpa, ByteBuffer from) throws IOException;

  /** Fills {@code into}; only where {@link #has} says yes. */
  void read(long gpa, ByteBuffer into) throws IOException;

  /** Whether all of these bytes are in one range. */
  default boolean has(long gpa, long length) {
    return ranges().stream()
        .anyMatch(r -> gpa >= r.gpa() && length >= 0 && gpa <= r.end() && length <= r.end() - gpa);
  }

  /** Zeros there. */
  default void clear(long gpa, long length) throws IOException {
    byte[] zeros = new byte[(int) Math.min(length, 1 << 16)];
    for (long done = 0; done < length; done += zeros.length) {
      write(gpa + done, ByteBuffer.wrap(zeros, 0, (int) Math.min(zeros.length, length - done)));
    }
  }
}
