/**
 * A device's migrated state as a tree of named values. {@link dev.vmstate.device.VmDescription} is
 * the schema the stream carries about itself, {@link dev.vmstate.device.SectionDecoder} lays it
 * over a section's bytes, {@link dev.vmstate.device.DeviceSection} is the result and {@link
 * dev.vmstate.device.FieldPath} finds one value in it.
 *
 * <p>The tree covers its section without gaps: what no schema explains stays {@link
 * dev.vmstate.device.Field.Raw}.
 */
package dev.vmstate.device;
