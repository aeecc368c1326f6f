/**
 * The guest's kernel, found by what the CPUs and their page tables say. {@link
 * dev.vmstate.core.kernel.KernelMemory} reads its memory by virtual address. What only Linux has
 * (symbols, types, VMCOREINFO) is looked for inside what was found here, never in all of RAM first:
 * RAM holds copies of kernels that do not run.
 */
package dev.vmstate.core.kernel;
