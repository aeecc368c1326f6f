package dev.vmstate.hardware;

import dev.vmstate.device.FieldEdit;

/**
 * One {@code <device>} as the bytes of its section, made from the document alone.
 *
 * @param name the idstr
 * @param instance instance_id
 * @param version version_id
 * @param payload what stands between the section's header and its footer
 */
public record DevicePayload(String name, long instance, long version, FieldEdit.Bytes payload) {}
