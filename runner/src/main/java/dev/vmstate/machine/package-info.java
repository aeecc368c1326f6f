/**
 * A small machine on Linux's KVM: RAM, vCPUs with a thread each, a serial port, a debug port and
 * ranges of MMIO; started from a file or a snapshot directory, paused at an exit, saved and gone on
 * with.
 *
 * <p>Start at {@link dev.vmstate.machine.MachineControl} for what can be done with one and at
 * {@link dev.vmstate.machine.MachineOptions} for what it is made of. Nothing here knows of command
 * lines or sockets, and nothing but {@code dev.vmstate.kvm} knows an ioctl.
 */
package dev.vmstate.machine;
