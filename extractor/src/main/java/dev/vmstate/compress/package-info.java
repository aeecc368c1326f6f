/**
 * Compressed bytes as streams: {@link dev.vmstate.compress.Compression} names the formats, tells
 * them apart by their first bytes and opens both directions. Decoders take bounded memory and end
 * where their data ends.
 *
 * <p>Knows nothing of what is in the bytes.
 */
package dev.vmstate.compress;
