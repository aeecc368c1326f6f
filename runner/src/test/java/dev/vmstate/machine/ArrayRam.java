package dev.vmstate.machine;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;

/** RAM that is an array, from 0 on. */
final class ArrayRam implements PhysicalRam {
  private final byte[] bytes;

  ArrayRam(int size) {
    this.bytes = new byte[size];
  }

  @Override
  public List<Range> ranges() {
    return List.of(new Range(0, bytes.length));
  }

  @Override
  public void write(long gpa, ByteBuffer from) {
    from.get(bytes, (int) gpa, from.remaining());
  }

  @Override
  public void read(long gpa, ByteBuffer into) {
    into.put(bytes, (int) gpa, into.remaining());
  }

  byte[] bytes() {
    return bytes;
  }

  long u64(long gpa) {
    return buffer().getLong((int) gpa);
  }

  int u32(long gpa) {
    return buffer().getInt((int) gpa);
  }

  private ByteBuffer buffer() {
    return ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
  }
}
