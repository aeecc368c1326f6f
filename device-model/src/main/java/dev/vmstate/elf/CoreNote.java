package dev.vmstate.elf;

import dev.vmstate.bytes.Span;

/**
 * A note found in a core file.
 *
 * @param owner without the NUL, e.g. {@code CORE}
 * @param type unsigned 32 bits
 * @param descriptor where its content stands in the file
 */
public record CoreNote(String owner, long type, Span descriptor) {}
