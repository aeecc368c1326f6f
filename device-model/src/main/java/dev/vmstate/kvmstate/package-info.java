/**
 * The state of a machine that KVM runs: the kernel's structures with their members by name, and the
 * JSON text ({@code state.json} of a snapshot directory) in which they are kept.
 *
 * <p>Start at {@code KvmStructs} for what is kept and at {@code StateDocument} for how it is read.
 * Opens no file and knows no ioctl. Format: docs/formats/vmstate-kvm.md.
 */
package dev.vmstate.kvmstate;
