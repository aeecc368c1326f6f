/**
 * Tables that firmware has put into guest memory: SMBIOS and ACPI. They are found as an operating
 * system finds them, by their anchors and checksums, and edited where they stand. Start at {@link
 * dev.vmstate.firmware.Smbios} and {@link dev.vmstate.firmware.Acpi}.
 */
package dev.vmstate.firmware;
