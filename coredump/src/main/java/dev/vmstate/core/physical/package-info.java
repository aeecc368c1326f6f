/**
 * Whether the guest itself agrees with the memory map: its page tables, the e820 its firmware left.
 *
 * <p>Start at {@code MapCheck}.
 */
package dev.vmstate.core.physical;
