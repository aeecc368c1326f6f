package dev.vmstate.kdump;

import dev.vmstate.bytes.ByteSource;
import dev.vmstate.bytes.Cursor;
import dev.vmstate.bytes.FormatException;
import dev.vmstate.bytes.OrderedCursor;
import dev.vmstate.bytes.Span;
import dev.vmstate.bytes.UnsupportedFormatException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * The head of a kdump-compressed dump, and with it where everything else stands.
 *
 * <pre>
 * Kdump            ::= disk_dump_header pad, kdump_sub_header and notes (sub_hdr_size blocks),
 *                      bitmap1, bitmap2 (bitmap_blocks together), page_desc*, page data
 * disk_dump_header ::= "KDUMP   ", u32 header_version, new_utsname(390), pad, word[2] timestamp,
 *                      u32 status, u32 block_size, u32 sub_hdr_size, u32 bitmap_blocks,
 *                      u32 max_mapnr, u32 total_ram_blocks, u32 device_blocks,
 *                      u32 written_blocks, u32 current_cpu, u32 nr_cpus
 * </pre>
 *
 * <p>Everything is in the byte order and the word size of the dumped kernel, and nothing says which
 * those are: the header is read in each of the four ways, and the one in which it makes sense is
 * right. Bit i of bitmap1 says that page frame i is RAM, of bitmap2 that the dump holds it; bits
 * count from the least significant of each byte. Very old dumps have one bitmap for both. Source:
 * makedumpfile {@code diskdump_mod.h}, write_kdump_header; QEMU {@code dump/dump.c}.
 *
 * @param wide whether words have 64 bits
 * @param order of all values
 * @param version header_version
 * @param utsname what the dumped kernel calls itself
 * @param status {@link PageFlags}: the compression, and what is missing
 * @param blockSize bytes of a page
 * @param subHeaderBlocks blocks of the sub header with the notes
 * @param bitmapBlocks blocks of both bitmaps
 * @param maxMapnr number of page frames, counted from 0
 * @param cpus nr_cpus
 * @param sub the sub header
 */
public record KdumpHeader(
    boolean wide,
    ByteOrder order,
    int version,
    Utsname utsname,
    int status,
    int blockSize,
    long subHeaderBlocks,
    long bitmapBlocks,
    long maxMapnr,
    int cpus,
    KdumpSubHeader sub) {
  /** What a dump starts with. */
  public static final String KDUMP_SIGNATURE = "KDUMP   ";

  /** The only version written here, and the last there is. */
  public static final int VERSION = 6;

  private static final int UTSNAME_AT = 12;
  private static final int STATUS_AT_32 = 412;
  private static final int STATUS_AT_64 = 424;
  private static final int MIN_BLOCK = 1 << 12;
  private static final int MAX_BLOCK = 1 << 16;

  /** 64 TiB of addresses in pages of 4 KiB: bitmaps of 2 GiB each. */
  private static final long MAX_PAGES = 1L << 34;

  /**
   * Decodes both headers.
   *
   * @throws UnsupportedFormatException for a version that is not known
   * @throws FormatException when no way of reading makes sense of them
   */
  public static KdumpHeader decode(ByteSource source) throws IOException {
    String place = source.name() + ": kdump header";
    Cursor start = Cursor.of(source);
    String signature = start.text(8, "signature");
    if (!signature.equals(KDUMP_SIGNATURE)) {
      throw start.bad("neither an ELF file nor a kdump: expected 'KDUMP   '");
    }
    for (ByteOrder order : new ByteOrder[] {ByteOrder.LITTLE_ENDIAN, ByteOrder.BIG_ENDIAN}) {
      for (boolean wide : new boolean[] {true, false}) {
        Cursor in = new Cursor(source, place, new Span(0, source.size()));
        in.skip(8, "signature");
        KdumpHeader header = common(new OrderedCursor(in, order), wide);
        if (header.plausible()) {
          return header.withSub(source, place);
        }
      }
    }
    throw new FormatException(
        place,
        0,
        "block_size, sub_hdr_size, bitmap_blocks and max_mapnr make no sense in either byte order"
            + " and word size");
  }

  private static KdumpHeader common(OrderedCursor in, boolean wide) throws IOException {
    Cursor cursor = in.in();
    int version = (int) in.u32("header_version");
    Utsname utsname = Utsname.decode(cursor);
    int pad = (wide ? STATUS_AT_64 : STATUS_AT_32) - UTSNAME_AT - Utsname.BYTES;
    cursor.skip(pad, "timestamp");
    int status = (int) in.u32("status");
    long blockSize = in.u32("block_size");
    long subHeaderBlocks = in.u32("sub_hdr_size");
    long bitmapBlocks = in.u32("bitmap_blocks");
    long maxMapnr = in.u32("max_mapnr");
    cursor.skip(16, "total_ram_blocks to current_cpu");
    int cpus = (int) in.u32("nr_cpus");
    return new KdumpHeader(
        wide,
        in.order(),
        version,
        utsname,
        status,
        blockSize > MAX_BLOCK ? 0 : (int) blockSize,
        subHeaderBlocks,
        bitmapBlocks,
        maxMapnr,
        cpus,
        KdumpSubHeader.EMPTY);
  }

  /** Whether the common header, read this way, can be one. */
  private boolean plausible() {
    return version >= 0
        && version <= 0xffff
        && blockSize >= MIN_BLOCK
        && Integer.bitCount(blockSize) == 1
        && subHeaderBlocks >= Math.min(version, 1)
        && bitmapBlocks >= 1
        && bitmapBlocks * blockSize * 8 >= maxMapnr;
  }

  private KdumpHeader withSub(ByteSource source, String place) throws IOException {
    if (version > VERSION) {
      throw new UnsupportedFormatException(
          place, 8, "header_version %d, versions up to 6 are known".formatted(version));
    }
    Span inside = new Span(blockSize, subHeaderBlocks * blockSize);
    KdumpSubHeader decoded =
        KdumpSubHeader.decode(
            length -> {
              Cursor in = new Cursor(source, place, new Span(0, source.size()));
              in.skip(blockSize, "disk_dump_header");
              return new OrderedCursor(in.slice(length, "kdump_sub_header"), order);
            },
            wide,
            version,
            inside);
    long pages = version >= VERSION ? decoded.maxMapnr() : maxMapnr;
    if (pages < 0 || pages > MAX_PAGES) {
      throw new UnsupportedFormatException(
          place,
          blockSize,
          "%s page frames; 2^34 is the limit here".formatted(Long.toUnsignedString(pages)));
    }
    if (bitmapBlocks * blockSize * 8 < pages) {
      throw new FormatException(
          place,
          blockSize,
          "%d page frames, but bitmap_blocks %d has bits for %d"
              .formatted(pages, bitmapBlocks, bitmapBlocks * blockSize * 8));
    }
    return new KdumpHeader(
        wide,
        order,
        version,
        utsname,
        status,
        blockSize,
        subHeaderBlocks,
        bitmapBlocks,
        pages,
        cpus,
        decoded);
  }

  /** Whether there are two bitmaps. */
  public boolean partial() {
    return bitmapBlocks >= 2 * blocks(maxMapnr, blockSize);
  }

  /** Blocks of a bitmap with that many bits. */
  public static long blocks(long pages, int blockSize) {
    long bitsPerBlock = 8L * blockSize;
    return (pages + bitsPerBlock - 1) / bitsPerBlock;
  }

  /** Where the first bitmap stands: RAM there is. With one bitmap, the same as the second. */
  public Span ramBitmap() {
    return new Span((1 + subHeaderBlocks) * blockSize, bitmapBytes());
  }

  /** Where the second bitmap stands: pages the dump holds. */
  public Span dumpedBitmap() {
    Span ram = ramBitmap();
    return partial() ? new Span(ram.end(), bitmapBytes()) : ram;
  }

  private long bitmapBytes() {
    return (partial() ? bitmapBlocks / 2 : bitmapBlocks) * blockSize;
  }

  /** Where the first page descriptor stands. */
  public long descriptorsAt() {
    return (1 + subHeaderBlocks + bitmapBlocks) * blockSize;
  }

  /**
   * Guest-physical address of page frame 0. makedumpfile on 32-bit ARM counts from where RAM
   * starts; everything else counts from address 0.
   */
  public long base() {
    boolean relative = !wide && utsname.machine().startsWith("arm");
    return relative ? sub.physBase() & -(long) blockSize : 0;
  }

  /** The first two blocks, for a 64-bit dump of version 6. */
  public ByteBuffer encode() {
    ByteBuffer out = ByteBuffer.allocate(2 * blockSize).order(order);
    for (int i = 0; i < KDUMP_SIGNATURE.length(); i++) {
      out.put((byte) KDUMP_SIGNATURE.charAt(i));
    }
    out.putInt(version);
    utsname.encode(out);
    out.position(STATUS_AT_64); // timestamp: not known
    out.putInt(status).putInt(blockSize).putInt((int) subHeaderBlocks).putInt((int) bitmapBlocks);
    out.putInt((int) Math.min(maxMapnr, 0xffff_ffffL)).putInt(0).putInt(0).putInt(0).putInt(0);
    out.putInt(cpus);
    return out.position(blockSize).put(sub.encode(order)).rewind();
  }
}
