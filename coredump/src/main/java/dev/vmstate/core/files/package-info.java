/**
 * Files of a guest's Linux kernel: {@link dev.vmstate.core.files.FilePath} is the name of one, as
 * the guest's own {@code /proc} shows it; {@link dev.vmstate.core.files.Mounts} is what a process
 * sees mounted.
 */
package dev.vmstate.core.files;
