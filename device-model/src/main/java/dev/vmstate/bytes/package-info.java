/**
 * Bytes of a snapshot and where they stand: {@link dev.vmstate.bytes.ByteSource} gives them, {@link
 * dev.vmstate.bytes.Cursor} reads them with every length checked, {@link dev.vmstate.bytes.Span}
 * says where a value came from and {@link dev.vmstate.bytes.Patch} says what replaces it.
 *
 * <p>Knows nothing of any format.
 */
package dev.vmstate.bytes;
