package dev.vmstate.snapshot;

import dev.vmstate.memory.RamBlock;
import dev.vmstate.memory.X86MemoryMap;
import dev.vmstate.ram.PageVisitor;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Keeps the pages of the one RAM block the memory map may ask for, while they pass: in a stream
 * that is read from front to back they cannot be looked up afterwards.
 */
final class KeptBlock implements PageVisitor {
  private final List<RamBlock> blocks;
  private final int kept;
  private byte @Nullable [] bytes;

  KeptBlock(List<RamBlock> blocks) {
    this.blocks = blocks;
    this.kept = X86MemoryMap.askedFor(blocks);
  }

  @Override
  public void data(int block, long page, ByteBuffer from, int at, long offset) {
    if (block == kept) {
      from.get(at, made(), start(page), blocks.get(block).pageSize());
    }
  }

  @Override
  public void fill(int block, long page, int value) {
    if (block == kept) {
      int pageSize = blocks.get(block).pageSize();
      Arrays.fill(made(), start(page), start(page) + pageSize, (byte) value);
    }
  }

  private int start(long page) {
    return (int) page * blocks.get(kept).pageSize();
  }

  private byte[] made() {
    byte[] made = bytes;
    if (made == null) {
      made = new byte[(int) blocks.get(kept).bytes()];
      bytes = made;
    }
    return made;
  }

  /** All bytes of a block, if it is the one. */
  Optional<byte[]> of(int block) {
    return block == kept && bytes != null ? Optional.of(bytes) : Optional.empty();
  }
}
