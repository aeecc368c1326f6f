/**
 * Dumps: RAM and CPUs, no devices. {@link dev.vmstate.dump.Dump#open} tells the kinds apart: {@link
 * dev.vmstate.dump.ElfDump} is an ELF core, {@link dev.vmstate.dump.KdumpDump} a kdump-compressed
 * one; either may come flattened ({@link dev.vmstate.dump.FlattenedSource}). The records are in
 * {@link dev.vmstate.elf} and {@link dev.vmstate.kdump}.
 */
package dev.vmstate.dump;
