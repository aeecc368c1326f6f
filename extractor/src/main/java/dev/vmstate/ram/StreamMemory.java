package dev.vmstate.ram;

import dev.vmstate.bytes.ByteSource;
import dev.vmstate.memory.GuestMemory;
import dev.vmstate.memory.MemoryMap;
import dev.vmstate.memory.RamBlock;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Objects;

/** Guest memory read from where the index says each page lies. */
public final class StreamMemory implements GuestMemory {
  private final ByteSource stream;
  private final RamIndex index;
  private final MemoryMap map;

  /**
   * @param stream the source the index's offsets count in
   * @param index complete: after the scan
   * @param map over the same blocks
   */
  public StreamMemory(ByteSource stream, RamIndex index, MemoryMap map) {
    this.stream = stream;
    this.index = index;
    this.map = map;
  }

  @Override
  public MemoryMap map() {
    return map;
  }

  @Override
  public void readBlock(int block, long offset, ByteBuffer into) throws IOException {
    RamBlock ram = index.blocks().get(block);
    Objects.checkFromIndexSize(offset, (long) into.remaining(), ram.bytes());
    int limit = into.limit();
    while (into.position() < limit) {
      long page = offset / ram.pageSize();
      int within = (int) (offset % ram.pageSize());
      int part = Math.min(limit - into.position(), ram.pageSize() - within);
      into.limit(into.position() + part);
      switch (index.kind(block, page)) {
        case DATA -> stream.read(index.value(block, page) + within, into);
        case FILL -> fill(into, (byte) index.value(block, page));
        case ABSENT -> fill(into, (byte) 0);
      }
      into.limit(limit);
      offset += part;
    }
  }

  private static void fill(ByteBuffer into, byte value) {
    while (into.hasRemaining()) {
      into.put(value);
    }
  }
}
