package dev.vmstate.machine;

import dev.vmstate.bytes.FormatException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;

/**
 * The pages of RAM in which the runner puts what the first instruction needs: at 0x8000 where they
 * fit between the pieces of the payload, else at the lowest page from 0x1000 on where they do.
 *
 * <pre>
 * +0x0000  GDT: null, 0x08 code of 32 bits, 0x10 data, 0x18 code of 64 bits, 0x20 TSS
 * +0x0080  the TSS, zeros
 * +0x0100  what PVH or multiboot tell a kernel, to the end of the page
 * +0x1000  long mode: PML4, PDPT, a page directory for each GiB from 0 on, to 4 GiB at least
 *          and to the end of RAM: every address is mapped where it is, 2 MiB pages, for all rings
 * then     a stack of 4 KiB for each vCPU, that of vCPU 0 first
 * </pre>
 *
 * Real mode needs nothing of this and has none.
 */
final class BootArea {
  /** Selector of the 32-bit code segment. */
  static final int CODE32 = 0x08;

  /** Selector of the data segment. */
  static final int DATA = 0x10;

  /** Selector of the 64-bit code segment. */
  static final int CODE64 = 0x18;

  /** Selector of the task state segment. */
  static final int TSS = 0x20;

  /** The last byte of the GDT, counted from the first. */
  static final int GDT_LIMIT = 0x2f;

  /** The last byte of the TSS. */
  static final int TSS_LIMIT = 0x67;

  private static final long PREFERRED = 0x8000;
  private static final int PAGE = 4096;
  private static final int TSS_AT = 0x80;
  private static final int INFORMATION = 0x100;
  private static final int STACK = PAGE;
  private static final long GIGABYTE = 1L << 30;
  private static final long TWO_MEGABYTES = 2 << 20;

  /** Entries of one PDPT. */
  private static final int MOST_GIGABYTES = 512;

  /** Present, writable, for all rings. */
  private static final int TABLE = 7;

  /** The same, and a page of 2 MiB. */
  private static final int LARGE_PAGE = 0x87;

  private static final long DESCRIPTOR_CODE32 = 0x00cf_9b00_0000_ffffL;
  private static final long DESCRIPTOR_DATA = 0x00cf_9300_0000_ffffL;
  private static final long DESCRIPTOR_CODE64 = 0x00af_9b00_0000_ffffL;
  private static final long DESCRIPTOR_TSS = 0x0000_8b00_0000_0000L;

  private final PhysicalRam ram;
  private final long at;
  private final int directories;

  private BootArea(PhysicalRam ram, long at, int directories) {
    this.ram = ram;
    this.at = at;
    this.directories = directories;
  }

  /**
   * Writes it for a payload that is in memory.
   *
   * @param name of the payload, for errors
   * @throws FormatException when no room is left
   */
  static BootArea write(String name, Payload payload, String commandLine, int cpus, PhysicalRam ram)
      throws IOException {
    int directories = 0;
    if (payload.mode() == BootMode.LONG64) {
      List<PhysicalRam.Range> ranges = ram.ranges();
      long end = Math.max(4 * GIGABYTE, ranges.get(ranges.size() - 1).end());
      directories = (int) Math.min(MOST_GIGABYTES, (end + GIGABYTE - 1) / GIGABYTE);
    }
    long size = PAGE + tables(directories) + (long) cpus * STACK;
    long at = place(name, payload, size, ram);
    ram.clear(at, PAGE + tables(directories));
    BootArea area = new BootArea(ram, at, directories);
    area.descriptors();
    area.pageTables();
    BootInformation information =
        new BootInformation(ram, at + INFORMATION, PAGE - INFORMATION, name);
    if (payload.protocol() == Payload.Protocol.PVH) {
      information.pvh(commandLine);
    } else if (payload.protocol() == Payload.Protocol.MULTIBOOT) {
      information.multiboot(commandLine);
    }
    return area;
  }

  private static long tables(int directories) {
    return directories == 0 ? 0 : (2L + directories) * PAGE;
  }

  private static long place(String name, Payload payload, long size, PhysicalRam ram)
      throws FormatException {
    if (free(PREFERRED, size, payload, ram)) {
      return PREFERRED;
    }
    long from = PAGE;
    while (ram.has(from, size)) {
      long next = behind(from, size, payload);
      if (next == from) {
        return from;
      }
      from = next + PAGE - 1 & -PAGE;
    }
    throw new FormatException(
        name,
        0,
        "no 0x%x bytes of RAM are left for page tables, descriptors and stacks: more --memory"
            .formatted(size));
  }

  private static boolean free(long from, long size, Payload payload, PhysicalRam ram) {
    return ram.has(from, size) && behind(from, size, payload) == from;
  }

  /** The end of a piece that reaches into these bytes, or {@code from} when none does. */
  private static long behind(long from, long size, Payload payload) {
    long end = from;
    for (Payload.Piece piece : payload.pieces()) {
      if (piece.gpa() < from + size && from < piece.end()) {
        end = Math.max(end, piece.end());
      }
    }
    return end;
  }

  private void descriptors() throws IOException {
    long base = tss();
    ByteBuffer gdt = ByteBuffer.allocate(GDT_LIMIT + 1).order(ByteOrder.LITTLE_ENDIAN);
    gdt.putLong(0).putLong(DESCRIPTOR_CODE32).putLong(DESCRIPTOR_DATA).putLong(DESCRIPTOR_CODE64);
    gdt.putLong(DESCRIPTOR_TSS | TSS_LIMIT | (base & 0xff_ffff) << 16 | (base >>> 24 & 0xff) << 56);
    gdt.putLong(base >>> 32);
    ram.write(at, gdt.flip());
  }

  private void pageTables() throws IOException {
    if (directories == 0) {
      return;
    }
    long pdpt = root() + PAGE;
    entries(root(), 1, pdpt | TABLE, 0);
    entries(pdpt, directories, pdpt + PAGE | TABLE, PAGE);
    entries(pdpt + PAGE, directories * (PAGE / 8), LARGE_PAGE, TWO_MEGABYTES);
  }

  private void entries(long table, int count, long first, long step) throws IOException {
    ByteBuffer bytes = ByteBuffer.allocate(8 * count).order(ByteOrder.LITTLE_ENDIAN);
    for (int i = 0; i < count; i++) {
      bytes.putLong(first + i * step);
    }
    ram.write(table, bytes.flip());
  }

  /** Where the GDT is. */
  long gdt() {
    return at;
  }

  /** Where the TSS is. */
  long tss() {
    return at + TSS_AT;
  }

  /** Where the PML4 is. */
  long root() {
    return at + PAGE;
  }

  /** Where what the kernel is told is. */
  long information() {
    return at + INFORMATION;
  }

  /** The first stack pointer of a vCPU. */
  long stack(int cpu) {
    return at + PAGE + tables(directories) + (cpu + 1L) * STACK;
  }
}
