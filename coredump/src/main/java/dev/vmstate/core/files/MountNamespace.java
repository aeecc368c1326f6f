package dev.vmstate.core.files;

import java.util.List;

/**
 * What a process sees mounted.
 *
 * @param inode number of the namespace: {@code mnt:[4026531841]}
 * @param mounts in the order of {@code /proc/PID/mounts}; those outside of the process's root are
 *     left out, as there
 * @param notes where a list broke off, and what of a mount could not be read
 */
public record MountNamespace(long inode, List<Mount> mounts, List<String> notes) {
  public MountNamespace {
    mounts = List.copyOf(mounts);
    notes = List.copyOf(notes);
  }
}
