package dev.vmstate.core.process;

/**
 * A part of a process's memory that is a file's, as NT_FILE lists it.
 *
 * @param start virtual address
 * @param end the first one behind it
 * @param page of the file that is at {@code start}: {@code vm_pgoff}
 * @param path as the process's kernel spells it; Latin-1, so that any byte can be in it
 */
public record MappedFile(long start, long end, long page, String path) {}
