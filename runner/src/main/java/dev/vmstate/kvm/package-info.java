/**
 * Linux's KVM interface and nothing else: a type per descriptor, a method per ioctl.
 *
 * <p>Start at {@link dev.vmstate.kvm.Kvm}, which opens {@code /dev/kvm} and makes a {@link
 * dev.vmstate.kvm.VmFd}, which makes a {@link dev.vmstate.kvm.VcpuFd}. {@link
 * dev.vmstate.kvm.Mapping} is memory that a guest can have as RAM, {@link dev.vmstate.kvm.KvmRun}
 * the page a vCPU tells its exits in. Structures are {@code StateValue}s of {@code KvmStructs}.
 *
 * <p>Everything opened is closed by who opened it. Nothing here can be used after it was closed, or
 * past its end: what is wrong is an exception, never a signal that ends the JVM. Source of numbers
 * and layouts: {@code include/uapi/linux/kvm.h} and {@code arch/x86/include/uapi/asm/kvm.h}, which
 * a test compiles and compares.
 */
package dev.vmstate.kvm;
