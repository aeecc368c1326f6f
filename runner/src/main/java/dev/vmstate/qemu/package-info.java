/**
 * A QEMU of the user's own, driven through its control socket: {@link dev.vmstate.qemu.Qmp} talks,
 * {@link dev.vmstate.qemu.QemuProcess} starts and ends it, {@link dev.vmstate.qemu.LoadAndSave}
 * moves a snapshot in and out, and {@link dev.vmstate.qemu.Verification} says whether what comes
 * out is what went in.
 *
 * <p>The guest never runs: QEMU is started with {@code -S} and ended after the answer.
 */
package dev.vmstate.qemu;
