/**
 * kdump-compressed files ("diskdump"): what crash and makedumpfile open, a fraction of an ELF
 * core's size. {@link dev.vmstate.core.kdump.KdumpWriter} writes them from {@link
 * dev.vmstate.memory.GuestMemory}.
 */
package dev.vmstate.core.kdump;
