package dev.vmstate.diff;

import java.util.OptionalLong;

/**
 * Consecutive pages that differ.
 *
 * @param block the RAM block's name
 * @param offset of the first page in the block
 * @param bytes length
 * @param physical guest-physical address of the first page; empty when the CPU does not see it
 */
public record PageRange(String block, long offset, long bytes, OptionalLong physical) {
  @Override
  public String toString() {
    String where = "%s+0x%x, 0x%x bytes".formatted(block, offset, bytes);
    return physical.isPresent()
        ? where + " at guest-physical 0x%x".formatted(physical.getAsLong())
        : where;
  }
}
