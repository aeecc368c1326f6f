package dev.vmstate.stream;

import dev.vmstate.bytes.Cursor;
import java.io.IOException;

/**
 * The payload of a {@code block} section: a disk's contents ({@code migrate -b}, up to QEMU 9.0).
 *
 * <pre>
 * Payload ::= Item* u64 EOS
 * Item    ::= u64 (sector &lt;&lt; 9 | flags), and with DEVICE_BLOCK
 *             countedString device, unless ZERO_BLOCK 1 MiB of the disk
 * </pre>
 *
 * <p>Source: {@code migration/block.c}, blk_send and block_load. PROGRESS items (a percentage where
 * the sector stands) carry nothing else.
 */
public final class BlockMigration {
  /** The section's idstr. */
  public static final String IDSTR = "block";

  private static final int DEVICE_BLOCK = 0x01;
  private static final int EOS = 0x02;
  private static final int PROGRESS = 0x04;
  private static final int ZERO_BLOCK = 0x08;
  private static final int FLAGS = 0x1ff;
  private static final int BLOCK_SIZE = 1 << 20;

  private BlockMigration() {}

  /** Passes over one payload, its EOS included. */
  public static void pass(Cursor in) throws IOException {
    while (true) {
      int flags = (int) (in.u64("block migration item") & FLAGS);
      switch (flags) {
        case EOS -> {
          return;
        }
        case PROGRESS -> {}
        case DEVICE_BLOCK -> {
          in.countedString("device of a disk block");
          in.skip(BLOCK_SIZE, "disk block");
        }
        case DEVICE_BLOCK | ZERO_BLOCK -> in.countedString("device of a zero disk block");
        default -> throw in.bad("block migration flags 0x%x, none QEMU writes".formatted(flags));
      }
    }
  }
}
