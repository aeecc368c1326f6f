package dev.vmstate.firmware;

import dev.vmstate.memory.MemoryMap;
import dev.vmstate.memory.RamBlock;
import dev.vmstate.memory.UnmappedAddressException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;

/** Two MiB of RAM in an array, with a hole at 0xa0000 as PCs have it. */
final class ArrayMemory implements EditableMemory {
  static final int BYTES = 2 << 20;
  private static final int HOLE = 0xa0000;
  private static final int HOLE_END = 0xc0000;
  final byte[] bytes = new byte[BYTES];

  @Override
  public MemoryMap map() {
    return new MemoryMap(
        List.of(new RamBlock("pc.ram", BYTES, 4096)),
        List.of(
            new MemoryMap.Range(0, HOLE, 0, 0),
            new MemoryMap.Range(HOLE_END, BYTES - HOLE_END, 0, HOLE_END)),
        List.of());
  }

  @Override
  public byte[] read(long address, int length) throws UnmappedAddressException {
    check(address, length);
    return Arrays.copyOfRange(bytes, (int) address, (int) address + length);
  }

  @Override
  public void write(long address, byte[] with) {
    System.arraycopy(with, 0, bytes, (int) address, with.length);
  }

  private static void check(long address, int length) throws UnmappedAddressException {
    if (address < 0 || address + length > BYTES || address < HOLE_END && address + length > HOLE) {
      throw new UnmappedAddressException("physical", address);
    }
  }

  ArrayMemory put(int address, String latin) {
    write(address, latin.getBytes(StandardCharsets.ISO_8859_1));
    return this;
  }

  ArrayMemory number(int address, int width, long value) {
    for (int i = 0; i < width; i++) {
      bytes[address + i] = (byte) (value >> 8 * i);
    }
    return this;
  }

  /** Makes the bytes add up to 0 with the one at {@code at}. */
  ArrayMemory sum(int from, int length, int at) {
    bytes[at] = 0;
    bytes[at] = (byte) -total(from, length);
    return this;
  }

  int total(int from, int length) {
    int sum = 0;
    for (int i = from; i < from + length; i++) {
      sum += bytes[i];
    }
    return sum & 0xff;
  }
}
