package dev.vmstate.kdump;

import dev.vmstate.bytes.OrderedCursor;
import dev.vmstate.bytes.Span;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * The second block of a kdump: what the version of the header makes room for.
 *
 * <pre>
 * kdump_sub_header ::= word phys_base, u32 dump_level (version 1), u32 split, word start_pfn,
 *                      word end_pfn (2), u64 offset_vmcoreinfo, word size_vmcoreinfo (3),
 *                      u64 offset_note, word size_note (4), u64 offset_eraseinfo,
 *                      word size_eraseinfo (5), u64 start_pfn_64, u64 end_pfn_64,
 *                      u64 max_mapnr_64 (6)
 * word             ::= u32 in a dump of a 32-bit kernel, u64 else
 * </pre>
 *
 * <p>Written by a 32-bit ARM program, every u64 stands at a multiple of 8; on i386, and by QEMU for
 * any 32-bit guest, at a multiple of 4. Which it is shows in whether offset_vmcoreinfo then lies
 * inside the header. Source: makedumpfile {@code diskdump_mod.h}; QEMU {@code
 * include/sysemu/dump.h}; crash {@code diskdump.c} on ARM.
 *
 * @param physBase guest-physical minus virtual address of the kernel's image, see NUMBER(phys_base)
 * @param dumpLevel which pages were left out: bits of makedumpfile's -d
 * @param split whether this is one of several parts
 * @param maxMapnr page frames; empty before version 6
 * @param vmcoreinfo where VMCOREINFO stands, without a note's head; empty when there is none
 * @param notes where the ELF notes stand; empty when there are none
 */
public record KdumpSubHeader(
    long physBase, int dumpLevel, boolean split, long maxMapnr, Span vmcoreinfo, Span notes) {
  /** Bytes of the 64-bit form. */
  public static final int BYTES = 104;

  private static final int BYTES_32_PADDED = 96;
  private static final Span NONE = new Span(0, 0);

  /** Says nothing: a header of version 0. */
  static final KdumpSubHeader EMPTY = new KdumpSubHeader(0, 0, false, 0, NONE, NONE);

  /**
   * Decodes it.
   *
   * @param in stands at the block and can read it twice: it gives a fresh cursor each time
   * @param inside the bytes VMCOREINFO may lie in, to tell the two 32-bit forms apart
   */
  static KdumpSubHeader decode(Block in, boolean wide, int version, Span inside)
      throws IOException {
    if (version < 1) {
      return EMPTY;
    }
    boolean padded = !wide && version >= 3 && !isPacked(in.open(BYTES_32_PADDED), inside);
    return fields(in.open(wide ? BYTES : BYTES_32_PADDED), wide, version, padded);
  }

  /** The bytes of the block. */
  interface Block {
    /** A cursor over its first {@code length} bytes. */
    OrderedCursor open(int length) throws IOException;
  }

  private static boolean isPacked(OrderedCursor in, Span inside) throws IOException {
    in.in().skip(20, "phys_base to end_pfn");
    long at = in.u64("offset_vmcoreinfo");
    long size = in.u32("size_vmcoreinfo");
    return at == 0 && size == 0
        || at >= inside.offset() && at <= inside.end() && size <= inside.end() - at;
  }

  private static KdumpSubHeader fields(OrderedCursor in, boolean wide, int version, boolean padded)
      throws IOException {
    long physBase = in.word(wide, "phys_base");
    int dumpLevel = (int) in.u32("dump_level");
    boolean split = false;
    Span vmcoreinfo = NONE;
    Span notes = NONE;
    long maxMapnr = 0;
    if (version >= 2) {
      split = in.u32("split") != 0;
      in.word(wide, "start_pfn");
      in.word(wide, "end_pfn");
    }
    if (version >= 3) {
      vmcoreinfo = part(in, wide, padded, "vmcoreinfo");
    }
    if (version >= 4) {
      notes = part(in, wide, padded, "note");
    }
    if (version >= 5) {
      part(in, wide, padded, "eraseinfo");
    }
    if (version >= 6) {
      pad(in, padded);
      in.u64("start_pfn_64");
      in.u64("end_pfn_64");
      maxMapnr = in.u64("max_mapnr_64");
    }
    return new KdumpSubHeader(physBase, dumpLevel, split, maxMapnr, vmcoreinfo, notes);
  }

  private static Span part(OrderedCursor in, boolean wide, boolean padded, String name)
      throws IOException {
    pad(in, padded);
    long offset = in.u64("offset_" + name);
    long size = in.word(wide, "size_" + name);
    if (offset < 0 || size < 0 || offset + size < 0) {
      throw in.in().bad("offset_%s 0x%x, size 0x%x".formatted(name, offset, size));
    }
    return new Span(offset, size);
  }

  /** Each u64 but the first comes after a u32, so four bytes are missing before it. */
  private static void pad(OrderedCursor in, boolean padded) throws IOException {
    if (padded) {
      in.in().skip(4, "alignment");
    }
  }

  /** The 64-bit form, version 6. */
  ByteBuffer encode(ByteOrder order) {
    ByteBuffer out = ByteBuffer.allocate(BYTES).order(order);
    out.putLong(physBase).putInt(dumpLevel).putInt(split ? 1 : 0).putLong(0).putLong(0);
    out.putLong(vmcoreinfo.offset()).putLong(vmcoreinfo.length());
    out.putLong(notes.offset()).putLong(notes.length());
    out.putLong(0).putLong(0); // eraseinfo
    out.putLong(0).putLong(0).putLong(maxMapnr);
    return out.flip();
  }
}
