package dev.vmstate.diff;

import java.util.OptionalLong;

/**
 * A RAM block that only one of the snapshots has, or that has another size there.
 *
 * @param block its name
 * @param bytesInA its size in the first, empty when that has no such block
 * @param bytesInB its size in the second
 */
public record BlockDiff(String block, OptionalLong bytesInA, OptionalLong bytesInB) {
  @Override
  public String toString() {
    return "%s: %s -> %s".formatted(block, size(bytesInA), size(bytesInB));
  }

  private static String size(OptionalLong bytes) {
    return bytes.isPresent() ? "0x%x bytes".formatted(bytes.getAsLong()) : "not there";
  }
}
