package dev.vmstate.kdump;

import dev.vmstate.bytes.OrderedCursor;
import java.io.IOException;
import java.nio.ByteBuffer;

/**
 * Where a page's bytes stand. There is one for each bit set in the second bitmap, in the order of
 * page frame numbers.
 *
 * <pre>
 * page_desc ::= i64 offset, u32 size, u32 flags, u64 page_flags
 * </pre>
 *
 * <p>All pages of zeros may share the bytes of one. Offset 0 stands for a page that an incomplete
 * dump does not hold. page_flags are the kernel's and always 0. Source: makedumpfile {@code
 * diskdump_mod.h}.
 *
 * @param offset in the file
 * @param size bytes there
 * @param flags 0, or one of {@link PageFlags#COMPRESSED}
 */
public record PageDescriptor(long offset, long size, int flags) {
  /** Bytes of one. */
  public static final int BYTES = 24;

  /** Reads the next one. */
  public static PageDescriptor decode(OrderedCursor in) throws IOException {
    long offset = in.u64("page offset");
    long size = in.u32("page size");
    int flags = (int) in.u32("page flags");
    in.u64("page_flags");
    return new PageDescriptor(offset, size, flags);
  }

  /** Appends it in {@code out}'s byte order. */
  public void encode(ByteBuffer out) {
    out.putLong(offset).putInt((int) size).putInt(flags).putLong(0);
  }
}
