/**
 * Registers by the names people use, as a view over the fields of QEMU's {@code cpu} section. A
 * register knows the bytes behind it, so changing one is a patch of exactly those bytes.
 */
package dev.vmstate.cpu;
