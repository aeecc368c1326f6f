/**
 * Checksums that device state carries and guests verify. Start at {@link
 * dev.vmstate.checksum.Checksum}. The sums are there, {@link dev.vmstate.linked.Checksums} lets
 * them follow edits.
 */
package dev.vmstate.checksum;
