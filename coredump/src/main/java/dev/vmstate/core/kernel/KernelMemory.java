package dev.vmstate.core.kernel;

import dev.vmstate.core.paging.PageTables;
import dev.vmstate.memory.GuestMemory;
import dev.vmstate.memory.UnmappedAddressException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Objects;
import java.util.OptionalLong;
import org.jspecify.annotations.Nullable;

/**
 * Guest memory by virtual address, as one set of page tables maps it; little-endian. The pages read
 * last are kept (4 MiB of them at most), since a walk through kernel structures reads few bytes at
 * a time. Addresses of 32-bit kernels are zero-extended. Not thread-safe.
 */
public final class KernelMemory {
  private static final int PAGE = 4096;

  /** Pages kept, a power of two; a page has one place only. */
  private static final int PLACES = 1024;

  private final GuestMemory memory;
  private final PageTables tables;
  private final long[] kept = new long[PLACES];
  private final @Nullable ByteBuffer[] pages = new ByteBuffer[PLACES];

  /** Memory as {@code tables} map it. */
  public KernelMemory(GuestMemory memory, PageTables tables) {
    this.memory = memory;
    this.tables = tables;
  }

  /** The same memory by guest-physical address. */
  public GuestMemory physical() {
    return memory;
  }

  /** What translates. */
  public PageTables tables() {
    return tables;
  }

  /** Bytes of a pointer: 8, or 4 outside long mode. */
  public int wordBytes() {
    return tables.mode().hasKernelHalf() ? 8 : 4;
  }

  /** The guest-physical address, empty when {@code virtual} is not mapped. */
  public OptionalLong translate(long virtual) throws IOException {
    return tables.translate(virtual);
  }

  /** Whether a byte of RAM stands at {@code virtual}. */
  public boolean isRam(long virtual) throws IOException {
    OptionalLong physical = tables.translate(virtual);
    return physical.isPresent() && memory.map().at(physical.getAsLong()).isPresent();
  }

  /**
   * Fills {@code into} from {@code virtual} on.
   *
   * @throws UnmappedAddressException with the first address at which there is no RAM
   */
  public void read(long virtual, ByteBuffer into) throws IOException {
    long at = virtual;
    while (into.hasRemaining()) {
      ByteBuffer page = page(at);
      int from = (int) (at & (PAGE - 1));
      int part = Math.min(into.remaining(), PAGE - from);
      into.put(page.slice(from, part));
      at += part;
    }
  }

  /**
   * {@code count} bytes from {@code virtual} on.
   *
   * @throws UnmappedAddressException with the first address at which there is no RAM
   */
  public byte[] bytes(long virtual, int count) throws IOException {
    byte[] bytes = new byte[count];
    read(virtual, ByteBuffer.wrap(bytes));
    return bytes;
  }

  /** One byte, 0 to 255. */
  public int u8(long virtual) throws IOException {
    return page(virtual).get((int) (virtual & (PAGE - 1))) & 0xff;
  }

  /** Two bytes, 0 to 65535. */
  public int u16(long virtual) throws IOException {
    return (int) little(virtual, 2);
  }

  /** Four bytes, zero-extended. */
  public long u32(long virtual) throws IOException {
    return little(virtual, 4);
  }

  /** Eight bytes. */
  public long u64(long virtual) throws IOException {
    return little(virtual, 8);
  }

  /** A pointer or an {@code unsigned long}: {@link #wordBytes} bytes, zero-extended. */
  public long word(long virtual) throws IOException {
    return little(virtual, wordBytes());
  }

  /**
   * The bytes up to a NUL, as Latin-1: what a kernel has in its strings is anybody's guess.
   *
   * @param most bytes looked at; a longer string is cut there
   */
  public String string(long virtual, int most) throws IOException {
    byte[] bytes = new byte[Objects.checkIndex(most, Integer.MAX_VALUE)];
    int length = 0;
    for (int next; length < most && (next = u8(virtual + length)) != 0; length++) {
      bytes[length] = (byte) next;
    }
    return new String(bytes, 0, length, StandardCharsets.ISO_8859_1);
  }

  private long little(long virtual, int bytes) throws IOException {
    int from = (int) (virtual & (PAGE - 1));
    if (from + bytes <= PAGE) {
      ByteBuffer page = page(virtual);
      return switch (bytes) {
        case 2 -> page.getShort(from) & 0xffffL;
        case 4 -> page.getInt(from) & 0xffff_ffffL;
        default -> page.getLong(from);
      };
    }
    long value = 0;
    for (int i = 0; i < bytes; i++) {
      value |= (long) u8(virtual + i) << 8 * i;
    }
    return value;
  }

  private ByteBuffer page(long virtual) throws IOException {
    long start = virtual & -PAGE;
    // A kernel's structures lie everywhere: the bits above the page's number choose the place too.
    int place = (int) (start >>> 12 ^ start >>> 22 ^ start >>> 32) & (PLACES - 1);
    ByteBuffer page = pages[place];
    if (page != null && kept[place] == start) {
      return page;
    }
    OptionalLong physical = tables.translate(start);
    if (physical.isEmpty()) {
      throw new UnmappedAddressException("virtual", virtual);
    }
    ByteBuffer bytes = page == null ? ByteBuffer.allocate(PAGE) : page;
    pages[place] = null; // until it is whole
    bytes.clear();
    try {
      memory.readPhysical(physical.getAsLong(), bytes);
    } catch (UnmappedAddressException outside) {
      throw new UnmappedAddressException("virtual", virtual);
    }
    pages[place] = bytes.order(ByteOrder.LITTLE_ENDIAN);
    kept[place] = start;
    return bytes;
  }
}
