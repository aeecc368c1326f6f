/**
 * The records of kdump-compressed dumps ("diskdump"), as QEMU's {@code dump-guest-memory -z} and
 * makedumpfile write them: {@link dev.vmstate.kdump.KdumpHeader}, {@link
 * dev.vmstate.kdump.KdumpSubHeader}, {@link dev.vmstate.kdump.PageDescriptor}, {@link
 * dev.vmstate.kdump.FlatRecord}. Each decodes and encodes; where they stand in a file is their
 * user's business.
 */
package dev.vmstate.kdump;
