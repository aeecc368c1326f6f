package dev.vmstate.core.files;

import static dev.vmstate.core.objects.HandKernel.DIRECT;

import dev.vmstate.core.objects.HandKernel;
import dev.vmstate.core.objects.KernelObject;

/** Directories, mounts and a process in a kernel put together by hand. */
final class HandMounts {
  static final long NAMESPACE = DIRECT + 0x20_0000;

  private final HandKernel kernel = new HandKernel();
  private final boolean tree;
  private long next = DIRECT + 0x10_0000;

  /** {@code tree}: as since 6.8. */
  HandMounts(boolean tree) {
    this.tree = tree;
    kernel
        .type("task_struct", 64)
        .member("task_struct", "nsproxy", 0, 8)
        .member("task_struct", "fs", 8, 8)
        .type("nsproxy", 16)
        .member("nsproxy", "mnt_ns", 8, 8)
        .type("fs_struct", 32)
        .member("fs_struct", "root", 8, 16)
        .type("path", 16)
        .member("path", "mnt", 0, 8)
        .member("path", "dentry", 8, 8)
        .type("mnt_namespace", 64)
        .member("mnt_namespace", "ns.inum", 16, 4)
        .type("mount", 256)
        .member("mount", "mnt_parent", 16, 8)
        .member("mount", "mnt_mountpoint", 24, 8)
        .member("mount", "mnt", 32, 24)
        .member("mount", "mnt.mnt_root", 32, 8)
        .member("mount", "mnt.mnt_sb", 40, 8)
        .member("mount", "mnt.mnt_flags", 48, 4)
        .member("mount", "mnt_devname", 64, 8)
        .member("mount", "mnt_id", 72, 4)
        .member("mount", "mnt_group_id", 76, 4)
        .member("mount", "mnt_master", 80, 8)
        .type("dentry", 64)
        .member("dentry", "d_parent", 0, 8)
        .member("dentry", "d_name.len", 8, 4)
        .member("dentry", "d_name.name", 16, 8)
        .member("dentry", "d_hash.pprev", 24, 8)
        .type("super_block", 64)
        .member("super_block", "s_dev", 0, 4)
        .member("super_block", "s_type", 8, 8)
        .member("super_block", "s_subtype", 16, 8)
        .member("super_block", "s_flags", 24, 8)
        .type("file_system_type", 8)
        .member("file_system_type", "name", 0, 8)
        .type("rb_node", 24)
        .member("rb_node", "rb_right", 8, 8)
        .member("rb_node", "rb_left", 16, 8);
    if (tree) {
      kernel
          .member("mnt_namespace", "mounts", 32, 8)
          .member("mount", "mnt_node", 96, 24)
          .member("mount", "mnt_t_flags", 128, 4);
    } else {
      kernel.member("mnt_namespace", "list", 32, 16).member("mount", "mnt_list", 96, 16);
    }
    kernel.put(NAMESPACE, "mnt_namespace", "ns.inum", 4026531841L);
  }

  HandKernel kernel() {
    return kernel;
  }

  long room() {
    return next += 0x200;
  }

  private long text(String text) {
    long at = room();
    kernel.bytes(at, (text + "\0").getBytes(java.nio.charset.StandardCharsets.UTF_8));
    return at;
  }

  /** A directory; the root of a file system when {@code parent} is 0. */
  long dentry(long parent, String name) {
    long at = room();
    kernel
        .put(at, "dentry", "d_parent", parent == 0 ? at : parent)
        .put(at, "dentry", "d_name.len", name.length())
        .put(at, "dentry", "d_name.name", text(name))
        .put(at, "dentry", "d_hash.pprev", 1);
    return at;
  }

  long fileSystem(String type, long device, long flags) {
    long at = room();
    long named = room();
    kernel
        .put(named, "file_system_type", "name", text(type))
        .put(at, "super_block", "s_type", named)
        .put(at, "super_block", "s_dev", device)
        .put(at, "super_block", "s_flags", flags);
    return at;
  }

  /** {@code parent} 0: the root of all. */
  long mount(int id, long parent, long on, long sb, long root, long flags, String source) {
    long at = room();
    kernel
        .put(at, "mount", "mnt_parent", parent == 0 ? at : parent)
        .put(at, "mount", "mnt_mountpoint", parent == 0 ? root : on)
        .put(at, "mount", "mnt.mnt_root", root)
        .put(at, "mount", "mnt.mnt_sb", sb)
        .put(at, "mount", "mnt.mnt_flags", flags)
        .put(at, "mount", "mnt_devname", text(source))
        .put(at, "mount", "mnt_id", id);
    return at;
  }

  /** All mounts, in order. Of a tree each is the right child of the one before. */
  void all(long... mounts) {
    if (tree) {
      long at = NAMESPACE + 32;
      for (long mount : mounts) {
        kernel.word(at, mount + 96);
        at = mount + 96 + 8;
      }
    } else {
      long[] entries = mounts.clone();
      for (int i = 0; i < entries.length; i++) {
        entries[i] += 96;
      }
      kernel.list(NAMESPACE + 32, entries);
    }
  }

  /** A process with its root there. */
  KernelObject process(long mount, long dentry) {
    long task = room();
    long proxy = room();
    long fs = room();
    kernel
        .put(task, "task_struct", "nsproxy", proxy)
        .put(task, "task_struct", "fs", fs)
        .put(proxy, "nsproxy", "mnt_ns", NAMESPACE)
        .word(fs + 8, mount + 32)
        .word(fs + 16, dentry);
    return kernel.objects().at("task_struct", task);
  }
}
