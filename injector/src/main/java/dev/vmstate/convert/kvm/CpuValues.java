package dev.vmstate.convert.kvm;

import dev.vmstate.kvmstate.StateValue;
import java.util.Map;
import java.util.SortedMap;

/**
 * What KVM has of one vCPU.
 *
 * @param structs {@code regs}, {@code sregs2}, {@code lapic}, {@code events}, {@code debugregs}
 * @param xsave the image, of whatever size
 * @param xcr0 what the guest has enabled in it
 * @param msrs value by number
 * @param mpState whether it runs, halts or waits
 */
record CpuValues(
    Map<String, StateValue> structs,
    StateValue xsave,
    long xcr0,
    SortedMap<Long, Long> msrs,
    long mpState) {}
