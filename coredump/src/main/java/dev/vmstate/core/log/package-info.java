/**
 * The guest kernel's log, as {@code dmesg} shows it in the guest: {@link
 * dev.vmstate.core.log.KernelLog} reads the records of either of the two buffers Linux has had, and
 * {@link dev.vmstate.core.log.BootClock} tells when they were written.
 */
package dev.vmstate.core.log;
