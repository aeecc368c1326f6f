/**
 * The directory that {@code extract} writes and {@code inject} reads: core.elf, hardware.xml and a
 * manifest that says what they came from. {@link dev.vmstate.exchange.Extraction} is the whole way
 * out; {@link dev.vmstate.exchange.OutputFile} is how every file of ours comes into being.
 */
package dev.vmstate.exchange;
