package dev.vmstate.core.files;

import dev.vmstate.core.objects.KernelObject;

/**
 * An open file, as {@code /proc/PID/fd} and {@code fdinfo} tell of it.
 *
 * @param fd its number in the table
 * @param type {@code REG DIR CHR BLK FIFO SOCK LNK}; of files without an inode of their own what
 *     they are: {@code [eventfd]}, {@code [timerfd]}, {@code inotify}
 * @param name as {@link FilePath#bytes()}
 * @param flags {@code O_…} as {@code open} took them, with {@code O_CLOEXEC} when the table has it
 * @param readable what may be done with it; neither of {@code O_PATH}
 * @param writable the same
 * @param position where the next {@code read} or {@code write} is
 * @param mount id of the mount it was opened through
 * @param device number of its file system
 * @param inode number in there
 * @param special the device a {@code CHR} or {@code BLK} stands for, 0 of others
 * @param size bytes, as the inode has it
 * @param links names it has; 0 of a deleted file
 * @param deleted whether the name it was opened by is gone
 * @param file the {@code struct file}: two that are the same share position and flags
 */
public record OpenFile(
    int fd,
    String type,
    String name,
    long flags,
    boolean readable,
    boolean writable,
    long position,
    long mount,
    long device,
    long inode,
    long special,
    long size,
    long links,
    boolean deleted,
    KernelObject file) {
  /** Whether it is a socket. */
  public boolean isSocket() {
    return type.equals("SOCK");
  }
}
