package dev.vmstate.elf;

/**
 * A PT_LOAD program header.
 *
 * @param virtual p_vaddr
 * @param physical p_paddr, guest-physical
 * @param fileOffset p_offset
 * @param fileBytes p_filesz
 * @param memoryBytes p_memsz; what exceeds {@code fileBytes} is not in the file
 * @param flags p_flags: PF_X 1, PF_W 2, PF_R 4
 */
public record LoadSegment(
    long virtual, long physical, long fileOffset, long fileBytes, long memoryBytes, int flags) {}
