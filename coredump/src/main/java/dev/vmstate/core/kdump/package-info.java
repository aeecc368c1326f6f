/**
 * kdump-compressed files: what crash and makedumpfile open, a fraction of an ELF core's size.
 * {@link dev.vmstate.core.kdump.KdumpWriter} writes them from {@link
 * dev.vmstate.memory.GuestMemory}; the records are in {@link dev.vmstate.kdump}.
 */
package dev.vmstate.core.kdump;
