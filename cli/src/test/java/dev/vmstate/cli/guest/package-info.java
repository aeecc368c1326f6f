/**
 * The command line against real guests: Linux under a real QEMU, saved, extracted, edited with gdb
 * and an editor, injected, resumed.
 *
 * <p>Judges are QEMU itself (its own dump, its registers, what it reads back), gdb, and the guest,
 * which prints what it sees. Needs {@code qemu-system-x86}, {@code gcc}, {@code gdb} and what
 * {@code .ci/guest-kernels} fetches; without KVM.
 */
package dev.vmstate.cli.guest;
