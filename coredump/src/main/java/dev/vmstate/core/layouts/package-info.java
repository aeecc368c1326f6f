/**
 * Tables of how structures of known kernels are laid out, for kernels that do not say so themselves
 * and whose debug package nobody has at hand: made of its vmlinux once, believed for the very same
 * build alone.
 */
package dev.vmstate.core.layouts;
