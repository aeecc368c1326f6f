/**
 * Debugging information in DWARF 4, made of what a kernel knows of itself: its types (BTF), the
 * names of its functions, its tables for unwinding (ORC). Version 4, 32-bit offsets: all of gdb,
 * crash and drgn read that. Source: the DWARF 4 standard, dwarfstd.org; numbers in hexadecimal are
 * from its section 7.
 */
package dev.vmstate.core.dwarf;
