package dev.vmstate.core;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;

/**
 * Page tables and an image as a 64-bit Linux has them, put together by hand: 4 MiB of image in two
 * large pages, tables at its end, all memory mapped by one 1 GiB page.
 */
public final class LinuxGuest {
  public static final String RELEASE = "6.1.0-test";
  private static final long P = 3;
  private static final long LARGE = P | 0x80;

  private final ArrayMemory ram;
  private final boolean five;
  private final long physical;
  private final long virtual;

  /** An image at guest-physical {@code physical}, moved by {@code offset}; both times 2 MiB. */
  public LinuxGuest(ArrayMemory ram, boolean five, long physical, long offset) {
    this.ram = ram;
    this.five = five;
    this.physical = physical;
    this.virtual = 0xffff_ffff_8100_0000L + offset;
    long pud = root() + 0x2000; // behind it is room for a user copy of page-table isolation
    if (five) {
      ram.u64(root() + 8 * 511, (pud + 0x3000) | P);
      ram.u64(pud + 0x3000 + 8 * 511, pud | P);
      ram.u64(root() + 8 * 273, (pud + 0x4000) | P);
      ram.u64(pud + 0x4000 + 8 * 3, (pud + 0x2000) | P);
    } else {
      ram.u64(root() + 8 * 511, pud | P);
      ram.u64(root() + 8 * 273, (pud + 0x2000) | P);
    }
    ram.u64(pud + 8 * 510, (pud + 0x1000) | P);
    int slot = (int) ((virtual >>> 21) & 511);
    ram.u64(pud + 0x1000 + 8L * slot, physical | LARGE);
    ram.u64(pud + 0x1000 + 8L * (slot + 1), (physical + (2 << 20)) | LARGE);
    ram.u64(pud + 0x2000 + 8 * 5, LARGE); // guest-physical 0, at the sixth gigabyte
  }

  /** Puts the banner where constants are. */
  public LinuxGuest banner(String release) {
    String text =
        "Linux version %s (me@here) (gcc 12.2.0, GNU ld 2.40) #1 SMP a day in May\n"
            .formatted(release);
    ram.bytes(physical + 0x12_3ffa, text.getBytes(StandardCharsets.US_ASCII));
    return this;
  }

  /** Guest-physical address of the top table. */
  public long root() {
    return physical + (4 << 20) - 0x10000;
  }

  /** First virtual address of the image. */
  public long start() {
    return virtual;
  }

  /** Where guest-physical 0 is mapped. */
  public long pageOffset() {
    return five
        ? 0xff00_0000_0000_0000L | 273L << 48 | 3L << 39 | 5L << 30
        : 0xffff_0000_0000_0000L | 273L << 39 | 5L << 30;
  }

  /** NUMBER(phys_base). */
  public long physBase() {
    return physical - (virtual - 0xffff_ffff_8000_0000L);
  }

  /** The text its VMCOREINFO has. */
  public String vmcoreinfo(String release) {
    return "OSRELEASE=%s\nPAGESIZE=4096\nSYMBOL(swapper_pg_dir)=%x\nSYMBOL(_stext)=%x\n"
            .formatted(release, virtual + (root() - physical), virtual)
        + "SIZE(page)=64\nLENGTH(free_area.free_list)=6\nOFFSET(page.flags)=0\n"
        + "NUMBER(phys_base)=%d\nNUMBER(pgtable_l5_enabled)=%d\nKERNELOFFSET=%x\n"
            .formatted(physBase(), five ? 1 : 0, virtual - 0xffff_ffff_8100_0000L);
  }

  /** Puts {@code text} as a note at {@code page}, and a pointer to it into the image. */
  public LinuxGuest note(long page, String text) {
    byte[] bytes = text.getBytes(StandardCharsets.US_ASCII);
    ByteBuffer note = ByteBuffer.allocate(24 + bytes.length).order(ByteOrder.LITTLE_ENDIAN);
    note.putInt(11).putInt(bytes.length).putInt(0);
    note.put("VMCOREINFO\0\0".getBytes(StandardCharsets.US_ASCII)).put(bytes);
    ram.bytes(page, note.array());
    return pointer(page);
  }

  /** Puts the address at which {@code page} is mapped into the image. */
  public LinuxGuest pointer(long page) {
    ram.u64(physical + 0x20_1238, pageOffset() + page);
    return this;
  }
}
