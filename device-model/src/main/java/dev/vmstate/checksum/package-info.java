/**
 * Checksums that device state carries and guests verify. Start at {@link
 * dev.vmstate.checksum.Checksum}. Knows how they are computed, not where they stand.
 */
package dev.vmstate.checksum;
