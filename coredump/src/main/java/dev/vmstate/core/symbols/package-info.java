/**
 * The names and types of a guest's kernel together, and the files made of them. {@link
 * dev.vmstate.core.symbols.GuestSymbols} has both.
 */
package dev.vmstate.core.symbols;
