package dev.vmstate.qcow2;

import dev.vmstate.bytes.FormatException;
import dev.vmstate.bytes.Span;

/**
 * What an L2 entry says of one cluster of the virtual disk.
 *
 * <pre>
 * bit 63    the host cluster's refcount is 1 (right only where the active L1 table leads)
 * bit 62    compressed: host offset in bits 0 to x-1, 512-byte sectors behind the first one in
 *           bits x to 61, with x = 62 - (cluster_bits - 8)
 * otherwise bits 9 to 55 the host offset; bit 0 reads as zeros (version 3, 8-byte entries)
 * </pre>
 *
 * <p>With extended L2 a second word says of each of 32 subclusters whether it is allocated (bits 0
 * to 31) or reads as zeros (bits 32 to 63).
 */
public final class L2Entry {
  /** Bit 63. */
  public static final long COPIED = 1L << 63;

  /** Bits 9 to 55: the offset in an L1 entry or a standard L2 entry. */
  public static final long OFFSET_MASK = 0x00ff_ffff_ffff_fe00L;

  /** The second word of a cluster all of whose subclusters are allocated. */
  public static final long ALL_SUBCLUSTERS = 0xffff_ffffL;

  private static final long COMPRESSED = 1L << 62;
  private static final long ZERO = 1;
  private static final long RESERVED = 0x3f00_0000_0000_01feL;

  /** What stands in a cluster. */
  public enum Kind {
    /** Nothing is allocated; VM state reads as zeros, never as the backing file. */
    UNALLOCATED,
    /** Reads as zeros; may have a host cluster all the same. */
    ZERO,
    /** A host cluster of its bytes. */
    STANDARD,
    /** A host cluster of which only some subclusters count. */
    SUBCLUSTERS,
    /** Sectors of compressed data, beginning anywhere. */
    COMPRESSED
  }

  private final Qcow2Header header;
  private final int sizeShift;

  /** Entries of an image with this header. */
  public L2Entry(Qcow2Header header) {
    this.header = header;
    this.sizeShift = 62 - (header.clusterBits() - 8);
  }

  /** The kind of a checked entry; {@code bitmap} is 0 without extended L2. */
  public Kind kind(long entry, long bitmap) {
    if ((entry & COMPRESSED) != 0) {
      return Kind.COMPRESSED;
    }
    if (header.extendedL2()) {
      if ((bitmap & ALL_SUBCLUSTERS) == 0) {
        return (bitmap | entry & OFFSET_MASK) == 0 ? Kind.UNALLOCATED : Kind.ZERO;
      }
      return bitmap == ALL_SUBCLUSTERS ? Kind.STANDARD : Kind.SUBCLUSTERS;
    }
    if ((entry & ZERO) != 0) {
      return Kind.ZERO;
    }
    return (entry & OFFSET_MASK) == 0 ? Kind.UNALLOCATED : Kind.STANDARD;
  }

  /** The host cluster of an entry that is not compressed, or 0. */
  public static long host(long entry) {
    return entry & OFFSET_MASK;
  }

  /** The host bytes an entry holds on to: a cluster, compressed sectors, or nothing. */
  public Span hostSpan(long entry) {
    if ((entry & COMPRESSED) == 0) {
      long host = host(entry);
      return new Span(host, host == 0 ? 0 : header.clusterSize());
    }
    long offset = entry & (1L << sizeShift) - 1;
    long sectors = ((entry & ~(COPIED | COMPRESSED)) >>> sizeShift) + 1;
    return new Span(offset, sectors * 512 - (offset & 511));
  }

  /**
   * Refuses what the format does not allow.
   *
   * @param place the table, for messages
   * @param at where the entry stands
   */
  public void check(String place, long at, long entry, long bitmap) throws FormatException {
    if ((entry & COMPRESSED) != 0) {
      if ((entry & (1L << sizeShift) - 1) >>> 56 != 0 || bitmap != 0) {
        throw bad(place, at, entry, "a compressed cluster with reserved bits set");
      }
      return;
    }
    long reserved = header.extendedL2() || header.version() == 2 ? RESERVED | ZERO : RESERVED;
    if ((entry & reserved) != 0) {
      throw bad(place, at, entry, "reserved bits 0x%x are set".formatted(entry & reserved));
    }
    if ((host(entry) & (header.clusterSize() - 1)) != 0) {
      throw bad(place, at, entry, "not a multiple of 0x%x bytes".formatted(header.clusterSize()));
    }
    long allocated = bitmap & ALL_SUBCLUSTERS;
    if ((allocated & bitmap >>> 32) != 0 || allocated != 0 && host(entry) == 0) {
      throw bad(place, at, entry, "subclusters 0x%x contradict it".formatted(bitmap));
    }
  }

  private static FormatException bad(String place, long at, long entry, String why) {
    return new FormatException(place, at, "L2 entry 0x%x: %s".formatted(entry, why));
  }
}
