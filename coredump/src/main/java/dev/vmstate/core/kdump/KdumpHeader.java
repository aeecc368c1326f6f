package dev.vmstate.core.kdump;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Optional;

/**
 * The first blocks of a kdump-compressed file of a 64-bit little-endian machine.
 *
 * <pre>
 * block 0 disk_dump_header  "KDUMP   " i32 version(6) utsname 6*65 pad timestamp 2*i64
 *                           u32 status block_size sub_hdr_size bitmap_blocks max_mapnr
 *                               total_ram_blocks device_blocks written_blocks current_cpu nr_cpus
 * block 1 kdump_sub_header  u64 phys_base, u32 dump_level, u32 split, u64 start_pfn, end_pfn,
 *                           offset_vmcoreinfo, size_vmcoreinfo, offset_note, size_note,
 *                           offset_eraseinfo, size_eraseinfo, start_pfn_64, end_pfn_64, max_mapnr_64
 *         notes
 * </pre>
 *
 * <p>Source: {@code dump/dump.c}, create_header64; makedumpfile's {@code diskdump_mod.h}.
 *
 * @param blockSize bytes of a block, which is a page
 * @param frames one more than the highest page frame number
 * @param bitmapBlocks blocks of both bitmaps together
 * @param cpus notes of CPUs there are
 * @param status compression of the pages
 * @param notes ELF notes, one behind the other
 * @param physBase where the kernel's image is in physical memory, relative to its link address
 * @param release of the guest's kernel, or empty
 * @param vmcoreinfoAt file offset of VMCOREINFO's text, 0 without
 * @param vmcoreinfoBytes its length
 */
record KdumpHeader(
    int blockSize,
    long frames,
    long bitmapBlocks,
    int cpus,
    int status,
    ByteBuffer notes,
    long physBase,
    Optional<String> release,
    long vmcoreinfoAt,
    long vmcoreinfoBytes) {
  static final int SUB_HEADER = 104;
  private static final int VERSION = 6;
  private static final int UTSNAME = 12;
  private static final int UTSNAME_FIELD = 65;
  private static final int STATUS = 424;

  /** Blocks of the sub header with the notes behind it. */
  static long subHeaderBlocks(int blockSize, int noteBytes) {
    return (SUB_HEADER + noteBytes + blockSize - 1L) / blockSize;
  }

  /** Block 0 and the sub header's blocks. */
  ByteBuffer encode() {
    long sub = subHeaderBlocks(blockSize, notes.remaining());
    ByteBuffer out =
        ByteBuffer.allocate(Math.toIntExact((1 + sub) * blockSize)).order(ByteOrder.LITTLE_ENDIAN);
    out.put("KDUMP   ".getBytes(StandardCharsets.US_ASCII)).putInt(VERSION);
    name(out, 0, "Linux");
    release.ifPresent(text -> name(out, 2, text));
    name(out, 4, "x86_64");
    out.position(STATUS);
    out.putInt(status)
        .putInt(blockSize)
        .putInt((int) sub)
        .putInt(Math.toIntExact(bitmapBlocks))
        .putInt((int) Math.min(frames, 0xffff_ffffL)) // old readers; max_mapnr_64 is what counts
        .putInt(0)
        .putInt(0)
        .putInt(0)
        .putInt(0)
        .putInt(cpus);
    out.position(blockSize);
    out.putLong(physBase).putInt(0).putInt(0).putLong(0).putLong(0);
    out.putLong(vmcoreinfoAt).putLong(vmcoreinfoBytes);
    out.putLong(blockSize + (long) SUB_HEADER).putLong(notes.remaining());
    out.putLong(0).putLong(0).putLong(0).putLong(0).putLong(frames);
    return out.put(notes.duplicate()).clear();
  }

  private static void name(ByteBuffer out, int field, String text) {
    byte[] bytes = text.getBytes(StandardCharsets.US_ASCII);
    int length = Math.min(bytes.length, UTSNAME_FIELD - 1);
    out.put(UTSNAME + field * UTSNAME_FIELD, bytes, 0, length);
  }
}
