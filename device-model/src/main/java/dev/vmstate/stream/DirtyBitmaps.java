package dev.vmstate.stream;

import dev.vmstate.bytes.Cursor;
import java.io.IOException;

/**
 * The payload of a {@code dirty-bitmap} section: which blocks of a disk changed since a backup.
 *
 * <pre>
 * Payload ::= Chunk* Chunk with EOS
 * Chunk   ::= flags (1, 2 or 4 bytes) [countedString node] [countedString bitmap]
 *             ( START: u32 granularity, u8 flags | COMPLETE, EOS: nothing
 *             | BITS: u64 first sector, u32 sectors [u64 n, n bytes, unless ZEROES] )
 * </pre>
 *
 * <p>Source: {@code migration/block-dirty-bitmap.c}. Its opening comment says the granularity has
 * 64 bits; send_bitmap_start writes 32.
 */
public final class DirtyBitmaps {
  /** The section's idstr. */
  public static final String IDSTR = "dirty-bitmap";

  private static final int EOS = 0x01;
  private static final int ZEROES = 0x02;
  private static final int BITMAP_NAME = 0x04;
  private static final int DEVICE_NAME = 0x08;
  private static final int START = 0x10;
  private static final int COMPLETE = 0x20;
  private static final int BITS = 0x40;
  private static final int EXTRA_FLAGS = 0x80;

  private DirtyBitmaps() {}

  /** Passes over one payload, the chunk with EOS included. */
  public static void pass(Cursor in) throws IOException {
    while (true) {
      int flags = in.u8("dirty bitmap flags");
      if ((flags & EXTRA_FLAGS) != 0) {
        throw in.bad("dirty bitmap flags 0x%02x: longer than QEMU writes them".formatted(flags));
      }
      if ((flags & DEVICE_NAME) != 0) {
        in.countedString("node of a dirty bitmap");
      }
      if ((flags & BITMAP_NAME) != 0) {
        in.countedString("name of a dirty bitmap");
      }
      switch (flags & ~(DEVICE_NAME | BITMAP_NAME)) {
        case EOS -> {
          return;
        }
        case START -> {
          in.u32("granularity of a dirty bitmap");
          in.u8("flags of a dirty bitmap");
        }
        case COMPLETE -> {}
        case BITS -> {
          in.u64("first sector of dirty bits");
          in.u32("sectors of dirty bits");
          in.skip(in.u64("length of dirty bits"), "dirty bits");
        }
        case BITS | ZEROES -> {
          in.u64("first sector of dirty bits");
          in.u32("sectors of dirty bits");
        }
        default -> throw in.bad("dirty bitmap flags 0x%02x, none QEMU writes".formatted(flags));
      }
    }
  }
}
