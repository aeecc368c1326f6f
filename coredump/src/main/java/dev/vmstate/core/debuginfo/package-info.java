/**
 * What a vmlinux that somebody has says of a kernel: its symbols, and its types out of DWARF 2 to 5
 * or BTF. The files have up to half a gigabyte: units of .debug_info are read one at a time, and
 * nothing is kept of one but where it defines which name. Source: DWARF 5 standard, dwarfstd.org,
 * section 7; numbers in hexadecimal are from there.
 */
package dev.vmstate.core.debuginfo;
