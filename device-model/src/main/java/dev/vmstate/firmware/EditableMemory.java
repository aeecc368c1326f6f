package dev.vmstate.firmware;

import dev.vmstate.memory.MemoryMap;
import java.io.IOException;

/** Guest memory as it will be: what has been written is read back. */
public interface EditableMemory {
  /** Where RAM stands. */
  MemoryMap map();

  /**
   * Bytes from a guest-physical address on.
   *
   * @throws dev.vmstate.memory.UnmappedAddressException when no RAM is there
   */
  byte[] read(long address, int length) throws IOException;

  /** Sets bytes at a guest-physical address. */
  void write(long address, byte[] with) throws IOException;
}
