/**
 * The hardware state as a document people edit: {@link dev.vmstate.hardware.HardwareXmlWriter} and
 * {@link dev.vmstate.hardware.HardwareXmlReader} are the two halves of the codec, {@code
 * hardware.xsd} beside them is its schema.
 *
 * <p>{@link dev.vmstate.hardware.HardwareState} is what the document shows. Writing it and reading
 * it back gives every device's payload byte for byte, with or without the snapshot at hand. Knows
 * nothing of containers or files.
 */
package dev.vmstate.hardware;
