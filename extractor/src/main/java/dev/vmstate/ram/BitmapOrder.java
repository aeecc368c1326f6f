package dev.vmstate.ram;

import dev.vmstate.bytes.ByteSource;
import dev.vmstate.bytes.Span;
import dev.vmstate.memory.RamBlock;
import dev.vmstate.stream.MappedRam;
import dev.vmstate.stream.RamSetup;
import java.io.IOException;
import java.nio.ByteBuffer;

/**
 * Which byte of a mapped-ram bitmap holds a page's bit. QEMU writes its {@code unsigned long} words
 * as they are in memory, so that depends on the host that wrote them, and nothing in the stream
 * says which that was. The pages do: QEMU sets a bit for a page that is not zero, so bits over
 * pages of zeros speak against an order. s390x hosts are big-endian; what x86 guests run on is not.
 */
public enum BitmapOrder {
  /** Bit i is bit i % 8 of byte i / 8. */
  LITTLE(0),
  /** The bytes of each word of 64 bits are the other way round. */
  BIG(7);

  private static final int WORD = 8;

  /** Pages that are looked at. */
  private static final int SAMPLES = 64;

  /** With fewer it could be chance. */
  private static final int ENOUGH = 8;

  /** Bytes of one bitmap that are looked at: 2 GiB of memory. */
  private static final int MOST_BITS = 1 << 16;

  private final int flip;

  BitmapOrder(int flip) {
    this.flip = flip;
  }

  /** The byte of the bitmap that holds a page's bit, which is bit {@code page % 8} of it. */
  public long byteOf(long page) {
    return page >>> 3 ^ flip;
  }

  /** The order that the pages of a mapped-ram stream speak for. */
  public static BitmapOrder of(ByteSource stream, RamSetup ram) throws IOException {
    Votes votes = new Votes(stream);
    for (int i = 0; i < ram.blocks().size() && votes.asked < SAMPLES; i++) {
      if (ram.mapped().get(i).stored()) {
        votes.ask(ram.blocks().get(i), ram.mapped().get(i));
      }
    }
    return votes.againstLittle > 0 && votes.againstBig == 0 && votes.forBig >= ENOUGH
        ? BIG
        : LITTLE;
  }

  /** Looks at pages whose bit is set in one order and clear in the other. */
  private static final class Votes {
    private final ByteSource stream;
    private int asked;
    private int againstLittle;
    private int againstBig;
    private int forBig;

    Votes(ByteSource stream) {
      this.stream = stream;
    }

    void ask(RamBlock block, MappedRam place) throws IOException {
      int length = (int) Math.min(MOST_BITS, place.bitmap().length());
      byte[] bits = stream.bytes(place.bitmap().at(0, length));
      byte[] page = new byte[block.pageSize()];
      long pages = Math.min(block.pages(), 8L * length);
      for (long i = 0; i < pages && asked < SAMPLES; i++) {
        boolean little = set(bits, LITTLE, i);
        boolean big = set(bits, BIG, i);
        if (little == big) {
          continue;
        }
        Span where = place.pages().at(i * page.length, page.length);
        stream.read(where.offset(), ByteBuffer.wrap(page));
        boolean zero = zero(page);
        asked++;
        againstLittle += zero && little ? 1 : 0;
        againstBig += zero && big ? 1 : 0;
        forBig += !zero && big ? 1 : 0;
        i += WORD; // a neighbour would say the same
      }
    }

    private static boolean set(byte[] bits, BitmapOrder order, long page) {
      return (bits[(int) order.byteOf(page)] & 1 << (page & 7)) != 0;
    }

    private static boolean zero(byte[] page) {
      for (byte b : page) {
        if (b != 0) {
          return false;
        }
      }
      return true;
    }
  }
}
