package dev.vmstate.core.files;

import dev.vmstate.core.kernel.ListWalk;
import dev.vmstate.core.objects.KernelObject;
import dev.vmstate.core.objects.KernelObjects;
import dev.vmstate.core.objects.RbTree;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * The mounts of a process's mount namespace. Until 6.7 they are a list, {@code mnt_namespace.list},
 * in which readers of {@code /proc/PID/mounts} leave cursors; since 6.8 a tree by age. Source:
 * fs/namespace.c, fs/proc_namespace.c.
 */
public final class Mounts {
  /** {@code fs.mount-max} is 100 000. */
  private static final int MOST = 1 << 18;

  private static final int MOST_NAME = 4096;

  /** Bytes of memory for the mounts of one namespace; every name in them can have a page. */
  private static final int MOST_BYTES = 24 << 20;

  /** Of a mount without its names. */
  private static final int MOUNT_BYTES = 400;

  /** What one broken mount says; a thousand say no more. */
  private static final int MOST_NOTES = 50;

  /** An entry that marks how far a reader is; 5.8 to 6.7. */
  private static final long MNT_CURSOR = 0x1000_0000;

  private static final long MNT_SHARED = 0x1000;
  private static final long MNT_UNBINDABLE = 0x2000;

  /** Of {@code mnt_t_flags}, where propagation is told since 6.17. */
  private static final long T_SHARED = 1;

  private static final long T_UNBINDABLE = 2;

  private final KernelObjects objects;
  private final List<String> notes = new ArrayList<>();

  private Mounts(KernelObjects objects) {
    this.objects = objects;
  }

  /**
   * What a task sees; empty when it has no namespace any more, as one that has exited.
   *
   * @param task a {@code task_struct}
   */
  public static Optional<MountNamespace> of(KernelObject task) throws IOException {
    Optional<KernelObject> proxy = task.follow("nsproxy", "nsproxy");
    Optional<KernelObject> namespace =
        proxy.isEmpty() ? proxy : proxy.get().follow("mnt_ns", "mnt_namespace");
    Optional<KernelObject> fs = task.follow("fs", "fs_struct");
    if (namespace.isEmpty() || fs.isEmpty()) {
      return Optional.empty();
    }
    return Optional.of(
        new Mounts(task.objects()).read(namespace.get(), fs.get().inside("root", "path")));
  }

  /** The inode number of a task's mount namespace; empty when it has none any more. */
  public static Optional<Long> namespace(KernelObject task) throws IOException {
    Optional<KernelObject> proxy = task.follow("nsproxy", "nsproxy");
    Optional<KernelObject> namespace =
        proxy.isEmpty() ? proxy : proxy.get().follow("mnt_ns", "mnt_namespace");
    return namespace.isEmpty() ? Optional.empty() : Optional.of(namespace.get().number("ns.inum"));
  }

  private MountNamespace read(KernelObject namespace, KernelObject root) throws IOException {
    MountTree tree = new MountTree(root);
    List<Mount> mounts = new ArrayList<>();
    long left = MOST_BYTES;
    int leftOut = 0;
    for (KernelObject mount : entries(namespace)) {
      if (left < 0 || tree.isTired()) {
        notes.add("more mounts than are shown: %d or more".formatted(mounts.size()));
        break;
      }
      try {
        if ((mount.number("mnt.mnt_flags") & MNT_CURSOR) == 0 || mount.has("mnt_node")) {
          Optional<String> point = tree.point(mount);
          if (point.isPresent()) {
            Mount found = mount(mount, point.get());
            left -= MOUNT_BYTES + found.textLength();
            mounts.add(found);
          }
        }
      } catch (IOException broken) {
        if (notes.size() < MOST_NOTES) {
          notes.add("mount at 0x%x: %s".formatted(mount.address(), broken.getMessage()));
        } else {
          leftOut++;
        }
      }
    }
    if (leftOut > 0) {
      notes.add("%d more mounts could not be read".formatted(leftOut));
    }
    return new MountNamespace(namespace.number("ns.inum"), mounts, notes);
  }

  private List<KernelObject> entries(KernelObject namespace) throws IOException {
    List<KernelObject> entries = new ArrayList<>();
    if (namespace.has("list")) {
      ListWalk walk = objects.list(namespace.at("list"), MOST);
      for (long entry : walk.entries()) {
        entries.add(objects.container(entry, "mount", "mnt_list"));
      }
      walk.fault().ifPresent(why -> notes.add("list of mounts " + why));
    } else {
      RbTree walk = RbTree.of(objects, namespace.at("mounts"), MOST);
      for (long node : walk.nodes()) {
        entries.add(objects.container(node, "mount", "mnt_node"));
      }
      walk.fault().ifPresent(why -> notes.add("tree of mounts " + why));
    }
    return entries;
  }

  private Mount mount(KernelObject mount, String point) throws IOException {
    KernelObject sb = objects.at("super_block", mount.number("mnt.mnt_sb"));
    long flags = mount.number("mnt.mnt_flags");
    List<String> options = MountFlags.ofMount(flags);
    if (isMapped(mount)) {
      options.add("idmapped");
    }
    return new Mount(
        mount.number("mnt_id"),
        objects.at("mount", mount.number("mnt_parent")).number("mnt_id"),
        sb.number("s_dev"),
        MountTree.inside(objects.at("dentry", mount.number("mnt.mnt_root"))),
        point,
        options,
        propagation(mount, flags),
        type(sb),
        mount.textAt("mnt_devname", MOST_NAME).orElse("none"),
        MountFlags.ofSuper(sb.number("s_flags")));
  }

  /** Owners other than those on disk, since 5.12; the words of it changed in 6.2. */
  private boolean isMapped(KernelObject mount) throws IOException {
    String member = mount.has("mnt.mnt_idmap") ? "mnt.mnt_idmap" : "mnt.mnt_userns";
    String none = mount.has("mnt.mnt_idmap") ? "nop_mnt_idmap" : "init_user_ns";
    return mount.has(member)
        && objects.address(none).isPresent()
        && mount.number(member) != objects.address(none).getAsLong();
  }

  private static List<String> propagation(KernelObject mount, long flags) throws IOException {
    boolean told = mount.has("mnt_t_flags");
    long bits = told ? mount.number("mnt_t_flags") : flags;
    List<String> words = new ArrayList<>();
    if ((bits & (told ? T_SHARED : MNT_SHARED)) != 0) {
      words.add("shared:" + mount.signed("mnt_group_id"));
    }
    Optional<KernelObject> master = mount.follow("mnt_master", "mount");
    if (master.isPresent()) {
      words.add("master:" + master.get().signed("mnt_group_id"));
    }
    if ((bits & (told ? T_UNBINDABLE : MNT_UNBINDABLE)) != 0) {
      words.add("unbindable");
    }
    return words;
  }

  private static String type(KernelObject sb) throws IOException {
    Optional<KernelObject> type = sb.follow("s_type", "file_system_type");
    String name = type.isEmpty() ? "?" : type.get().textAt("name", MOST_NAME).orElse("?");
    String sub = sb.has("s_subtype") ? sb.textAt("s_subtype", MOST_NAME).orElse("") : "";
    return sub.isEmpty() ? name : name + "." + sub;
  }
}
