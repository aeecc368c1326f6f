package dev.vmstate.core.kdump;

import dev.vmstate.memory.GuestMemory;
import dev.vmstate.memory.MemoryMap;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.List;

/** Whole frames of guest memory; what of a frame is no RAM is zero. */
record FrameReader(GuestMemory memory, int pageSize) {
  /** Fills {@code bytes} with {@code count} frames, from {@code at} on; it holds zeros before. */
  void read(long frame, int count, byte[] bytes, int at) throws IOException {
    long physical = frame * pageSize;
    long end = physical + (long) count * pageSize;
    List<MemoryMap.Range> ranges = memory.map().ranges();
    for (int i = memory.map().firstEndingAfter(physical);
        i < ranges.size() && ranges.get(i).start() < end;
        i++) {
      MemoryMap.Range range = ranges.get(i);
      long from = Math.max(physical, range.start());
      long to = Math.min(end, range.end());
      ByteBuffer into = ByteBuffer.wrap(bytes, at + (int) (from - physical), (int) (to - from));
      memory.readBlock(range.block(), range.offset() + from - range.start(), into);
    }
  }
}
