/**
 * The modules loaded into the guest's kernel, with what {@code /proc/modules} tells of them, found
 * in more than one way. (Their symbols: {@link dev.vmstate.core.kallsyms.KernelModules}.)
 */
package dev.vmstate.core.modules;
