package dev.vmstate.core.process;

/**
 * A PT_LOAD of a process's core: an area, or a part of one that has terabytes of nothing.
 *
 * @param vma the area
 * @param start p_vaddr
 * @param bytes p_memsz
 * @param fileOffset p_offset
 * @param fileBytes p_filesz; what is behind it is not known, or nobody would want it
 */
public record CoreSegment(Vma vma, long start, long bytes, long fileOffset, long fileBytes) {
  /** Where a virtual address of the file's part stands in the file. */
  public long offsetOf(long virtual) {
    return fileOffset + (virtual - start);
  }
}
