/** A running QEMU, driven through its control socket. */
package dev.vmstate.qemu;
