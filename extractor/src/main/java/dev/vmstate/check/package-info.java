/**
 * Whether a QEMU will load a snapshot, said beforehand: {@link dev.vmstate.check.Check} compares
 * the snapshot with a {@link dev.vmstate.check.Destination}, which is that QEMU's machine as it
 * saves itself before its first instruction, and gives {@link dev.vmstate.check.Finding}s. Pure
 * comparison: QEMU is started by others.
 */
package dev.vmstate.check;
