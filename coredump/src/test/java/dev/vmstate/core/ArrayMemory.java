package dev.vmstate.core;

import dev.vmstate.memory.GuestMemory;
import dev.vmstate.memory.MemoryMap;
import dev.vmstate.memory.RamBlock;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;

/** Guest RAM in arrays, one block per range, written by guest-physical address. */
public final class ArrayMemory implements GuestMemory {
  private final List<ByteBuffer> blocks = new ArrayList<>();
  private final MemoryMap map;
  private int reads;

  private ArrayMemory(MemoryMap map) {
    this.map = map;
    for (RamBlock block : map.blocks()) {
      blocks.add(ByteBuffer.allocate((int) block.bytes()).order(ByteOrder.LITTLE_ENDIAN));
    }
  }

  /** {@code startsAndLengths}: start, length, start, length, … */
  public static ArrayMemory at(long... startsAndLengths) {
    List<RamBlock> blocks = new ArrayList<>();
    List<MemoryMap.Range> ranges = new ArrayList<>();
    for (int i = 0; i < startsAndLengths.length; i += 2) {
      long bytes = startsAndLengths[i + 1];
      ranges.add(new MemoryMap.Range(startsAndLengths[i], bytes, blocks.size(), 0));
      blocks.add(new RamBlock("ram" + i / 2, bytes, 4096));
    }
    return new ArrayMemory(new MemoryMap(blocks, ranges, List.of()));
  }

  public ArrayMemory u64(long address, long value) {
    MemoryMap.Range range = map.at(address).orElseThrow();
    blocks.get(range.block()).putLong((int) (range.offset() + address - range.start()), value);
    return this;
  }

  public ArrayMemory u32(long address, int value) {
    MemoryMap.Range range = map.at(address).orElseThrow();
    blocks.get(range.block()).putInt((int) (range.offset() + address - range.start()), value);
    return this;
  }

  public ArrayMemory bytes(long address, byte[] value) {
    MemoryMap.Range range = map.at(address).orElseThrow();
    blocks.get(range.block()).put((int) (range.offset() + address - range.start()), value);
    return this;
  }

  /** How often it was read. */
  public int reads() {
    return reads;
  }

  @Override
  public MemoryMap map() {
    return map;
  }

  @Override
  public void readBlock(int block, long offset, ByteBuffer into) {
    reads++;
    into.put(blocks.get(block).slice((int) offset, into.remaining()));
  }
}
