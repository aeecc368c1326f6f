/**
 * What QEMU says of its devices without any snapshot: {@link dev.vmstate.schema.DeviceClasses} is
 * the file that {@code -dump-vmstate} writes.
 */
package dev.vmstate.schema;
