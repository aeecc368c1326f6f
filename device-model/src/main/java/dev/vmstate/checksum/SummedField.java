package dev.vmstate.checksum;

import dev.vmstate.device.FieldPath;

/**
 * A field under a checksum.
 *
 * @param field its bytes are what {@code checksum} counts from
 * @param checksum which one
 */
public record SummedField(FieldPath field, Checksum checksum) {}
