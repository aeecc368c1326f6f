/**
 * The kernel's own description of its types, BTF: found in its image, checked, asked. {@link
 * dev.vmstate.core.btf.Structs} answers by names, {@link dev.vmstate.core.btf.Btf} by numbers.
 * Source: Documentation/bpf/btf.rst, include/uapi/linux/btf.h, kernel/bpf/btf.c of Linux.
 */
package dev.vmstate.core.btf;
