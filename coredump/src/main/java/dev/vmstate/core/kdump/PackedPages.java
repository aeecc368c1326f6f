package dev.vmstate.core.kdump;

import java.util.Arrays;

/** Some page frames, packed one by one. */
final class PackedPages {
  /** Length of a page that is all zeros: it is not packed, one page in the file stands for all. */
  static final int ZERO = 0;

  private final int[] lengths;
  private byte[] packed;
  private int used;

  private PackedPages(int count, int pageSize) {
    this.lengths = new int[count];
    this.packed = new byte[count * pageSize / 2];
  }

  /** Packs the pages in {@code bytes}; a page that does not get shorter is kept as it is. */
  static PackedPages of(byte[] bytes, int count, int pageSize, KdumpCompression compression) {
    PackedPages pages = new PackedPages(count, pageSize);
    byte[] zero = new byte[pageSize];
    byte[] room = new byte[KdumpCompression.room(pageSize)];
    try (KdumpCompression.Packer packer = compression.packer()) {
      for (int i = 0; i < count; i++) {
        int from = i * pageSize;
        if (Arrays.equals(bytes, from, from + pageSize, zero, 0, pageSize)) {
          continue;
        }
        int length = packer.pack(bytes, from, pageSize, room);
        if (length > 0 && length < pageSize) {
          pages.add(i, room, 0, length);
        } else {
          pages.add(i, bytes, from, pageSize);
        }
      }
    }
    return pages;
  }

  private void add(int page, byte[] from, int at, int length) {
    if (used + length > packed.length) {
      packed = Arrays.copyOf(packed, Math.max(packed.length * 2, used + length));
    }
    System.arraycopy(from, at, packed, used, length);
    used += length;
    lengths[page] = length;
  }

  int count() {
    return lengths.length;
  }

  /** Bytes of a page in {@link #bytes}, the page's size when it is not packed, or {@link #ZERO}. */
  int length(int page) {
    return lengths[page];
  }

  /** All of them, one behind the other. */
  byte[] bytes() {
    return packed;
  }

  /** How many of {@link #bytes} count. */
  int used() {
    return used;
  }
}
