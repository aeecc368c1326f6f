package dev.vmstate.stream;

/**
 * The low bits of a RAM item's first word: {@code migration/ram.c}, RAM_SAVE_FLAG_*. The bits above
 * the page size are the offset inside the block.
 */
public final class RamFlags {
  /** A page of one byte value; the value follows. */
  public static final int ZERO = 0x02;

  /** The block list. */
  public static final int MEM_SIZE = 0x04;

  /** A page of data follows. */
  public static final int PAGE = 0x08;

  /** End of the section's payload. */
  public static final int EOS = 0x10;

  /** Same block as the item before; no name follows. */
  public static final int CONTINUE = 0x20;

  /** A delta against the page as it is so far. */
  public static final int XBZRLE = 0x40;

  /** RDMA control; never in a file. */
  public static final int HOOK = 0x80;

  /** A zlib stream of one page (QEMU up to 9.0). */
  public static final int COMPRESS_PAGE = 0x100;

  /** Multifd synchronisation, no data (QEMU 8.0 and later). */
  public static final int MULTIFD_FLUSH = 0x200;

  private RamFlags() {}
}
