package dev.vmstate.core.files;

import java.util.List;

/**
 * A mounted file system, as a line of {@code /proc/PID/mountinfo} tells of it. Names are one
 * character for each byte, and without the octal escapes of that file.
 *
 * @param id of the mount
 * @param parent id of the mount it is on; its own at the root of all
 * @param device number of its file system: major * 2^20 + minor, as the kernel has it
 * @param root what of the file system is mounted, {@code /} for all
 * @param point where, from the root of the process that was asked
 * @param options of the mount: {@code rw nosuid relatime}
 * @param propagation {@code shared:1}, {@code master:1}, {@code unbindable}
 * @param type {@code ext4}; {@code fuse.sshfs} with a subtype
 * @param source what was mounted: {@code /dev/vda1}, or a name that means nothing
 * @param superOptions of the file system, those that all have: {@code ro sync}; not its own
 */
public record Mount(
    long id,
    long parent,
    long device,
    String root,
    String point,
    List<String> options,
    List<String> propagation,
    String type,
    String source,
    List<String> superOptions) {
  /** {@code MINORBITS} of include/linux/kdev_t.h. */
  private static final int MINOR_BITS = 20;

  public Mount {
    options = List.copyOf(options);
    propagation = List.copyOf(propagation);
    superOptions = List.copyOf(superOptions);
  }

  int textLength() {
    return root.length() + point.length() + type.length() + source.length();
  }

  /** The device's major number. */
  public static long major(long device) {
    return device >>> MINOR_BITS;
  }

  /** The device's minor number. */
  public static long minor(long device) {
    return device & (1 << MINOR_BITS) - 1;
  }
}
