package dev.vmstate.exchange;

import dev.vmstate.core.elf.CoreLayout;
import dev.vmstate.memory.GuestMemory;
import dev.vmstate.memory.MemoryMap;
import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.util.Objects;

/**
 * Guest memory as it was just written into a core. Page tables are looked up here and not in the
 * snapshot, which may be a pipe that has passed.
 */
record WrittenMemory(FileChannel core, CoreLayout layout, PageWriter pages, MemoryMap map)
    implements GuestMemory {
  @Override
  public boolean isZero(int block, long offset, long bytes) {
    return pages.isHole(block, offset, bytes);
  }

  @Override
  public void readBlock(int block, long offset, ByteBuffer into) throws IOException {
    Objects.checkFromIndexSize(offset, (long) into.remaining(), layout.blocks().get(block).bytes());
    for (long at = layout.offsetOf(block, offset); into.hasRemaining(); ) {
      int got = core.read(into, at);
      if (got < 0) {
        throw new EOFException("the core ends at 0x%x".formatted(at));
      }
      at += got;
    }
  }
}
