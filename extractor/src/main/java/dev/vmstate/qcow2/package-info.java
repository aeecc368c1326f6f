/**
 * Internal snapshots of qcow2 disk images ({@code savevm}): the VM state lies behind the end of the
 * virtual disk, mapped by the snapshot's own tables. {@link dev.vmstate.qcow2.Qcow2Image} opens an
 * image, {@link dev.vmstate.qcow2.VmState} is the migration stream of one snapshot, and {@link
 * dev.vmstate.qcow2.Refcounts} tells which clusters are shared. Nothing here writes.
 *
 * <p>Source of the format: QEMU's docs/interop/qcow2.txt and block/qcow2*.c. All numbers are
 * big-endian.
 */
package dev.vmstate.qcow2;
