/**
 * The names of the running kernel, out of its own memory: what {@code /proc/kallsyms} prints in the
 * guest. {@link dev.vmstate.core.kallsyms.Kallsyms} finds the tables the kernel was linked with,
 * {@link dev.vmstate.core.kallsyms.KernelModules} adds the modules'; either gives a {@link
 * dev.vmstate.core.kallsyms.SymbolTable}. Tables: docs/formats/README.md.
 */
package dev.vmstate.core.kallsyms;
