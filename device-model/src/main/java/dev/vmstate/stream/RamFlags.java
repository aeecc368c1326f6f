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

  /** What is said of a stream with {@link #MULTIFD_FLUSH} in it that is not mapped-ram. */
  public static final String MULTIFD =
      "a multifd stream: its pages went through other connections and are not in this file; save"
          + " without the capability multifd, or with mapped-ram as well";

  /** What is said of a stream with {@link #HOOK} in it. */
  public static final String RDMA =
      "an RDMA stream: its pages went past it and are not in this file; save to a file";

  private RamFlags() {}
}
