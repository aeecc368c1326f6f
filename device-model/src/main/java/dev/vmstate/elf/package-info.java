/**
 * ELF cores of a whole machine, as bytes: {@link dev.vmstate.elf.CoreFile} reads one, be it ours or
 * QEMU's own dump-guest-memory; {@link dev.vmstate.elf.PrStatus} and {@link
 * dev.vmstate.elf.QemuCpuState} are the notes that hold a CPU, read and written. Opens no file.
 */
package dev.vmstate.elf;
