/**
 * The state of a machine in QEMU's words and in KVM's: one table for both directions.
 *
 * <p>Start at {@code StreamMachine}: it makes KVM's structures of a stream, and finds the edits of
 * a stream that make it hold other ones. {@code KvmForm} and {@code IntoTemplate} do so for whole
 * snapshots. What is mapped and what is lost: docs/formats/qemu-kvm.md.
 */
package dev.vmstate.convert.kvm;
