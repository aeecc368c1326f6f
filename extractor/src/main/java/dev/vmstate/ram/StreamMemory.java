package dev.vmstate.ram;

import dev.vmstate.memory.GuestMemory;
import dev.vmstate.memory.MemoryMap;
import dev.vmstate.memory.RamBlock;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Objects;

/** Guest memory read from where the index says each page lies. */
public final class StreamMemory implements GuestMemory {
  private final RamPages pages;
  private final MemoryMap map;

  /**
   * @param pages complete: after the scan
   * @param map over the same blocks
   */
  public StreamMemory(RamPages pages, MemoryMap map) {
    this.pages = pages;
    this.map = map;
  }

  @Override
  public MemoryMap map() {
    return map;
  }

  @Override
  public boolean isZero(int block, long offset, long bytes) {
    RamIndex index = pages.index();
    int pageSize = index.blocks().get(block).pageSize();
    for (long page = offset / pageSize; page * pageSize < offset + bytes; page++) {
      RamIndex.Kind kind = index.kind(block, page);
      boolean zero = kind == RamIndex.Kind.FILL && index.value(block, page) == 0;
      if (!zero && kind != RamIndex.Kind.ABSENT) {
        return false;
      }
    }
    return true;
  }

  @Override
  public void readBlock(int block, long offset, ByteBuffer into) throws IOException {
    RamBlock ram = pages.index().blocks().get(block);
    Objects.checkFromIndexSize(offset, (long) into.remaining(), ram.bytes());
    int limit = into.limit();
    while (into.position() < limit) {
      long page = offset / ram.pageSize();
      int within = (int) (offset % ram.pageSize());
      int part = Math.min(limit - into.position(), ram.pageSize() - within);
      into.limit(into.position() + part);
      pages.read(block, page, within, into);
      into.limit(limit);
      offset += part;
    }
  }
}
