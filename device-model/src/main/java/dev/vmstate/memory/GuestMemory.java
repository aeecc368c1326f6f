package dev.vmstate.memory;

import java.io.IOException;
import java.nio.ByteBuffer;

/**
 * Guest RAM at the moment of the snapshot. The only thing core writers and runners know of it:
 * whether the bytes come from page records, a mapped file or a disk image is not their business.
 */
public interface GuestMemory {
  /** Where each block stands. */
  MemoryMap map();

  /**
   * Fills {@code into} with block bytes. Pages the snapshot never stored read as zero.
   *
   * @param block index in {@link MemoryMap#blocks()}
   * @throws IndexOutOfBoundsException when the range leaves the block
   */
  void readBlock(int block, long offset, ByteBuffer into) throws IOException;

  /**
   * Whether these bytes of a block are known to be zero without being read. A search through all
   * RAM passes over them: most of a large guest's is a hole in a file, which is slow to read.
   *
   * @return false when they may be anything
   */
  default boolean isZero(int block, long offset, long bytes) {
    return false;
  }

  /**
   * Fills {@code into} from guest-physical {@code address} on, across ranges.
   *
   * @throws UnmappedAddressException when a byte of it is not RAM
   */
  default void readPhysical(long address, ByteBuffer into) throws IOException {
    int limit = into.limit();
    while (into.position() < limit) {
      long at = address;
      MemoryMap.Range range =
          map().at(at).orElseThrow(() -> new UnmappedAddressException("physical", at));
      int part = (int) Math.min(limit - into.position(), range.end() - at);
      into.limit(into.position() + part);
      readBlock(range.block(), range.offset() + (at - range.start()), into);
      into.limit(limit);
      address += part;
    }
  }
}
