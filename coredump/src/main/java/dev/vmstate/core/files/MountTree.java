package dev.vmstate.core.files;

import dev.vmstate.core.objects.KernelObject;
import dev.vmstate.core.objects.KernelObjects;
import java.io.IOException;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Optional;

/**
 * Where mounts hang, seen from a root: {@code prepend_path} of fs/d_path.c, which {@code
 * seq_path_root} asks with the root of the process that reads.
 */
final class MountTree {
  /** PATH_MAX. */
  private static final int MOST_BYTES = 4096;

  private static final int MOST_STEPS = 2 * MOST_BYTES;

  /** Of all mounts together; a thousand mounts have ten thousand steps. */
  private static final int MOST_STEPS_IN_ALL = 1 << 22;

  private final KernelObjects objects;
  private final long rootDentry;
  private final long rootMount;
  private int steps;

  /**
   * Of a root.
   *
   * @param root a {@code struct path}
   */
  MountTree(KernelObject root) throws IOException {
    this.objects = root.objects();
    this.rootDentry = root.number("dentry");
    this.rootMount = root.number("mnt");
  }

  /**
   * The mount point of a {@code struct mount}; empty for one outside the root, and for one that
   * hangs in loops.
   */
  Optional<String> point(KernelObject mount) throws IOException {
    Deque<String> names = new ArrayDeque<>();
    KernelObject here = mount;
    long dentry = here.number("mnt.mnt_root");
    int length = 0;
    for (int step = 0; step < MOST_STEPS && length <= MOST_BYTES; step++) {
      steps++;
      if (dentry == rootDentry && here.at("mnt") == rootMount) {
        return Optional.of(names.isEmpty() ? "/" : String.join("", names));
      }
      KernelObject at = objects.at("dentry", dentry);
      if (dentry == here.number("mnt.mnt_root")) {
        long above = here.number("mnt_parent");
        if (above == here.address()) {
          return Optional.empty();
        }
        dentry = here.number("mnt_mountpoint");
        here = objects.at("mount", above);
        continue;
      }
      long parent = at.number("d_parent");
      if (parent == dentry) {
        return Optional.empty();
      }
      String name = "/" + name(at);
      length += name.length();
      names.addFirst(name);
      dentry = parent;
    }
    return Optional.empty();
  }

  /** Whether so many steps were taken that the tree was made to take them. */
  boolean isTired() {
    return steps > MOST_STEPS_IN_ALL;
  }

  /** From the root of its own file system: {@code dentry_path}. */
  static String inside(KernelObject dentry) throws IOException {
    Deque<String> names = new ArrayDeque<>();
    KernelObject here = dentry;
    int length = 0;
    for (int step = 0; step < MOST_STEPS && length <= MOST_BYTES; step++) {
      long parent = here.number("d_parent");
      if (parent == here.address()) {
        break;
      }
      String name = "/" + name(here);
      length += name.length();
      names.addFirst(name);
      here = here.objects().at("dentry", parent);
    }
    boolean unlinked = !names.isEmpty() && dentry.number("d_hash.pprev") == 0;
    return (names.isEmpty() ? "/" : String.join("", names)) + (unlinked ? "//deleted" : "");
  }

  private static String name(KernelObject dentry) throws IOException {
    int most = (int) Math.min(dentry.number("d_name.len"), MOST_BYTES);
    return dentry.textAt("d_name.name", most).orElse("");
  }
}
