/**
 * The records of kdump-compressed dumps ("diskdump"), as QEMU's {@code dump-guest-memory -z} and
 * makedumpfile write them: {@link dev.vmstate.kdump.KdumpHeader} with {@link
 * dev.vmstate.kdump.KdumpSubHeader}, {@link dev.vmstate.kdump.PageDescriptor}, and the {@link
 * dev.vmstate.kdump.FlatRecord} of a dump that went through a pipe. Opens no file.
 */
package dev.vmstate.kdump;
