package dev.vmstate.memory;

/**
 * A RAM block as QEMU's stream lists it ({@code migration/ram.c}, MEM_SIZE).
 *
 * @param name the block's idstr, e.g. {@code pc.ram}, {@code 0000:00:02.0/vga.vram}
 * @param bytes its used length
 * @param pageSize bytes of one page record
 */
public record RamBlock(String name, long bytes, int pageSize) {
  /** Number of pages; a last partial page counts. */
  public long pages() {
    return (bytes + pageSize - 1) / pageSize;
  }
}
