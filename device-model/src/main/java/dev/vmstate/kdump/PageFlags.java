package dev.vmstate.kdump;

/**
 * How pages are compressed, in the header's status and in each page's descriptor. Source:
 * makedumpfile {@code diskdump_mod.h}.
 */
public final class PageFlags {
  /** A zlib stream. */
  public static final int DUMP_DH_COMPRESSED_ZLIB = 0x1;

  /** LZO1X without any header. */
  public static final int DUMP_DH_COMPRESSED_LZO = 0x2;

  /** The raw snappy format, not the framed one. */
  public static final int DUMP_DH_COMPRESSED_SNAPPY = 0x4;

  /** In the header: the disk was full before every page was written. */
  public static final int DUMP_DH_COMPRESSED_INCOMPLETE = 0x8;

  /** In the header: {@code struct page} of unused pages was left out. */
  public static final int DUMP_DH_EXCLUDED_VMEMMAP = 0x10;

  /** A zstd frame. */
  public static final int DUMP_DH_COMPRESSED_ZSTD = 0x20;

  /** Every way a page may be compressed; a page has one of them at most. */
  public static final int COMPRESSED =
      DUMP_DH_COMPRESSED_ZLIB
          | DUMP_DH_COMPRESSED_LZO
          | DUMP_DH_COMPRESSED_SNAPPY
          | DUMP_DH_COMPRESSED_ZSTD;

  private PageFlags() {}
}
