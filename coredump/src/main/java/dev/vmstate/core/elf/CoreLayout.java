package dev.vmstate.core.elf;

import dev.vmstate.elf.Elf;
import dev.vmstate.elf.PrStatus;
import dev.vmstate.elf.QemuCpuState;
import dev.vmstate.memory.RamBlock;
import java.util.List;

/**
 * Where everything stands in our core file. Depends on the list of RAM blocks only, so whoever has
 * the snapshot can work it out again, and pages can be written before the CPUs are known: their
 * notes take room from the program headers, not from the pages (up to 4,000 CPUs).
 *
 * <pre>
 * Core   ::= header area (sparse: ELF header, program headers, notes), block 0, block 1, …
 * block  ::= all bytes of the RAM block, in block order; starts at a multiple of 4096
 * </pre>
 *
 * RAM lies by block and not by guest-physical address: page records can be written where they
 * belong while the snapshot streams through, before page tables and CPUs are known. Blocks that
 * stand at no address (ACPI tables QEMU keeps) have their place too, without a program header.
 * Every byte of a block has exactly one offset; several program headers may share it.
 */
public final class CoreLayout {
  /** Program headers a core has room for by default, see {@code WalkLimits.runs}. */
  public static final int DEFAULT_LOADS = 40_000;

  /** There is always room for these: a machine's ranges of memory and a kernel's direct map. */
  private static final int LEAST_LOADS = 4_000;

  /** The header area is at least this long. */
  public static final long HEADER_BYTES = 4L << 20;

  private static final int ALIGNMENT = 4096;

  /** For notes besides those of CPUs; VMCOREINFO is under 4 KiB. */
  private static final long OTHER_NOTES = 64 << 10;

  /** For x87 and vector registers: 256 CPUs with AVX-512, 90 with AMX. */
  static final long VECTOR_NOTES = 1 << 20;

  /** Machines with more CPUs have no notes of those registers. */
  static final int VECTOR_CPUS = 256;

  private final List<RamBlock> blocks;
  private final int maxLoads;
  private final long headerBytes;
  private final long[] starts;
  private final long size;

  private CoreLayout(List<RamBlock> blocks, int cpus, int maxLoads) {
    this.blocks = List.copyOf(blocks);
    this.maxLoads = maxLoads;
    long needed = fixedBytes(cpus) + (maxLoads + 1L) * Elf.PHDR_BYTES;
    this.headerBytes = aligned(Math.max(HEADER_BYTES, needed));
    this.starts = new long[blocks.size()];
    long at = headerBytes;
    for (int i = 0; i < starts.length; i++) {
      starts[i] = at;
      at = aligned(Math.addExact(at, blocks.get(i).bytes()));
    }
    this.size = at;
  }

  /** A layout with room for {@link #DEFAULT_LOADS} program headers, or what the CPUs leave. */
  public static CoreLayout of(List<RamBlock> blocks, int cpus) {
    long loads = (HEADER_BYTES - fixedBytes(cpus)) / Elf.PHDR_BYTES - 1;
    return of(blocks, cpus, (int) Math.max(LEAST_LOADS, Math.min(DEFAULT_LOADS, loads)));
  }

  private static long fixedBytes(int cpus) {
    return Elf.EHDR_BYTES
        + (long) cpus * (PrStatus.NOTE_BYTES + QemuCpuState.NOTE_BYTES)
        + (cpus <= VECTOR_CPUS ? VECTOR_NOTES : 0)
        + OTHER_NOTES;
  }

  /**
   * A layout with room for a given number of program headers.
   *
   * @param blocks in stream order
   * @param maxLoads PT_LOADs there must be room for, at most 65533 (a 16-bit count with PT_NOTE,
   *     and 0xffff means something else)
   * @throws IllegalArgumentException when {@code maxLoads} is out of range or a block's length
   *     negative
   * @throws ArithmeticException when the lengths' sum is not a file's size
   */
  public static CoreLayout of(List<RamBlock> blocks, int cpus, int maxLoads) {
    if (maxLoads < 1 || maxLoads > Elf.PN_XNUM - 2) {
      throw new IllegalArgumentException(maxLoads + " program headers, at most 65533");
    }
    for (RamBlock block : blocks) {
      if (block.bytes() < 0) {
        throw new IllegalArgumentException("length of " + block);
      }
    }
    return new CoreLayout(blocks, cpus, maxLoads);
  }

  private static long aligned(long value) {
    return Math.addExact(value, ALIGNMENT - 1) & -ALIGNMENT;
  }

  /** The blocks, in stream order. */
  public List<RamBlock> blocks() {
    return blocks;
  }

  /** PT_LOADs there is room for. */
  public int maxLoads() {
    return maxLoads;
  }

  /** Length of the header area: file offset of the first block. */
  public long headerBytes() {
    return headerBytes;
  }

  /** Length of the file. Set it: bytes never written are zero pages. */
  public long size() {
    return size;
  }

  /**
   * File offset of a block's byte.
   *
   * @param offset inside the block; the block's length itself is allowed
   * @throws IndexOutOfBoundsException when there is no such block or byte
   */
  public long offsetOf(int block, long offset) {
    if (offset < 0 || offset > blocks.get(block).bytes()) {
      throw new IndexOutOfBoundsException("offset 0x%x of %s".formatted(offset, blocks.get(block)));
    }
    return starts[block] + offset;
  }
}
