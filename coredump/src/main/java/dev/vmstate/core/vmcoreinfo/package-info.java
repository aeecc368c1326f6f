/**
 * What a Linux kernel says of itself to crash tools. {@link
 * dev.vmstate.core.vmcoreinfo.GuestVmcoreinfo} is the guest's, found in its memory or made by a
 * {@link dev.vmstate.core.vmcoreinfo.VmcoreinfoSource}.
 */
package dev.vmstate.core.vmcoreinfo;
