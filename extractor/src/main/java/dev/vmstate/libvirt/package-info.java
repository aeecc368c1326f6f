/**
 * libvirt's QEMU save images ({@code virsh save}, managed save, memory of external snapshots): a
 * header, the domain XML, a cookie, room to grow, and then what QEMU wrote, perhaps compressed.
 * Start at {@link dev.vmstate.libvirt.SaveImage}.
 *
 * <p>Source: libvirt, {@code src/qemu/qemu_saveimage.c} and {@code qemu_saveimage_format.h}.
 */
@NullMarked
package dev.vmstate.libvirt;

import org.jspecify.annotations.NullMarked;
