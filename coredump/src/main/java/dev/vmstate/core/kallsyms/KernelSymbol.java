package dev.vmstate.core.kallsyms;

/**
 * One line of {@code /proc/kallsyms}.
 *
 * @param name as the kernel spells it, with a compiler's suffix ({@code .constprop.0})
 * @param type a letter as {@code nm} prints it: {@code T} code, {@code d} data, small when local;
 *     {@code A} is an offset inside a CPU's own area (x86-64 before 6.15), not an address
 * @param address where it is in the running kernel; zero-extended for 32-bit kernels
 * @param module the module's name, empty for what is linked into vmlinux
 */
public record KernelSymbol(String name, char type, long address, String module) {
  /** Whether {@link #address} is an offset or a number, at which nothing is mapped. */
  public boolean isAbsolute() {
    return type == 'A' || type == 'a';
  }
}
