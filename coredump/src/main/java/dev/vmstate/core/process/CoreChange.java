package dev.vmstate.core.process;

/**
 * A page of a process that its core has other bytes for.
 *
 * @param vma the area it is in
 * @param virtual its first address
 * @param physical where it is
 * @param source by what it was found
 * @param fileOffset where the core has it
 * @param bytes how much of it the core has; 4096 but at the end of a segment that was cut
 */
public record CoreChange(
    Vma vma, long virtual, long physical, PageSource source, long fileOffset, int bytes) {}
