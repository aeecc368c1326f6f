package dev.vmstate.core.edit;

import dev.vmstate.core.ArrayMemory;
import dev.vmstate.firmware.EditableMemory;
import dev.vmstate.memory.MemoryMap;
import java.io.IOException;
import java.nio.ByteBuffer;

/** Edits that go into an array at once. */
@SuppressWarnings("ArrayRecordComponent") // is compared with nothing
record WrittenRam(ArrayMemory ram, int[] count) implements EditableMemory {
  WrittenRam(ArrayMemory ram) {
    this(ram, new int[1]);
  }

  /** How often it was written. */
  int writes() {
    return count[0];
  }

  @Override
  public MemoryMap map() {
    return ram.map();
  }

  @Override
  public byte[] read(long address, int length) throws IOException {
    byte[] read = new byte[length];
    ram.readPhysical(address, ByteBuffer.wrap(read));
    return read;
  }

  @Override
  public void write(long address, byte[] with) {
    count[0]++;
    ram.bytes(address, with);
  }
}
