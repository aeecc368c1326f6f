/**
 * Files of a guest's Linux kernel: {@link dev.vmstate.core.files.FilePath} is the name of one, as
 * the guest's own {@code /proc} shows it.
 */
package dev.vmstate.core.files;
