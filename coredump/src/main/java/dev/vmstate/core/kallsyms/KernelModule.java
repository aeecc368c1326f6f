package dev.vmstate.core.kallsyms;

/**
 * A module in the kernel's list.
 *
 * @param name as {@code /proc/modules} has it
 * @param address of its {@code struct module}
 * @param kallsyms of the {@code struct mod_kallsyms} it uses
 */
public record KernelModule(String name, long address, long kallsyms) {}
