package dev.vmstate.core.files;

import dev.vmstate.core.objects.KernelObject;
import dev.vmstate.core.objects.KernelObjects;
import dev.vmstate.memory.UnmappedAddressException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Optional;

/**
 * The name of a file in a guest, as its kernel's {@code d_path()} gives it: from dentry to parent,
 * from the root of a mount to where it is mounted, up to the root. Source: {@code fs/d_path.c},
 * prepend_path.
 *
 * <pre>
 * /usr/bin/top                  of a mounted file system
 * /tmp/log (deleted)            unlinked, but open or mapped; a name may also end like this
 * /memfd:heap (deleted)         never linked: memfd_create, shmat (SYSV…), shared anonymous memory
 * pipe:[1234] socket:[1235]     no name, but an inode number
 * anon_inode:[eventpoll]        not even that
 * </pre>
 *
 * @param bytes one character for each byte of the name: a guest's names are in any encoding or none
 * @param fault why the walk broke off, if so; the name is then what was found until there
 */
public record FilePath(String bytes, Optional<String> fault) {
  private static final String DELETED = " (deleted)";

  /** PATH_MAX; the kernel gives up there too. */
  private static final int MOST_BYTES = 4096;

  /** Directories of a name, each of one letter, and mounts over mounts. */
  private static final int MOST_STEPS = 2 * MOST_BYTES;

  /**
   * {@code FMODE_BACKING}: a file of overlayfs, which has the name of another. 6.8 has bit 25 for
   * it; 6.14, and those that took its fsnotify back, bit 24, and 25 says something else.
   */
  private static final long FMODE_BACKING = 3 << 24;

  /** All backing files have it, of others with those bits none that a process opens. */
  private static final long FMODE_NOACCOUNT = 1 << 29;

  /** The name for people and for this machine's file systems, where it is UTF-8. */
  public String text() {
    return new String(bytes.getBytes(StandardCharsets.ISO_8859_1), StandardCharsets.UTF_8);
  }

  /**
   * Of an open file, as {@code /proc/PID/maps} and {@code /proc/PID/fd} show it.
   *
   * @param file a {@code struct file}
   * @param root a {@code struct path}: where names begin, of a process in a container say; empty
   *     for the guest's own root
   */
  public static FilePath ofFile(KernelObject file, Optional<KernelObject> root) throws IOException {
    // Before 6.8 the file itself has the name it was opened by, and only its inode is another's.
    KernelObject backing = file.as("backing_file");
    long mode = file.number("f_mode");
    if (backing.has("user_path") && (mode & FMODE_BACKING) != 0 && (mode & FMODE_NOACCOUNT) != 0) {
      return of(backing.inside("user_path", "path"), root);
    }
    return of(file.inside("f_path", "path"), root);
  }

  /**
   * Of a place in the tree.
   *
   * @param path a {@code struct path}
   * @param root as for {@link #ofFile}
   */
  public static FilePath of(KernelObject path, Optional<KernelObject> root) throws IOException {
    Optional<KernelObject> dentry = path.follow("dentry", "dentry");
    Optional<KernelObject> mount = path.follow("mnt", "vfsmount");
    if (dentry.isEmpty() || mount.isEmpty()) {
      return new FilePath("", Optional.of("a path without a dentry or a mount"));
    }
    long rootDentry = root.isPresent() ? root.get().number("dentry") : 0;
    long rootMount = root.isPresent() ? root.get().number("mnt") : 0;
    return new Walk(dentry.get(), mount.get(), rootDentry, rootMount).name();
  }

  private static final class Walk {
    private final KernelObjects objects;
    private final KernelObject first;
    private KernelObject dentry;
    private KernelObject mount;
    private final long rootDentry;
    private final long rootMount;
    private final Deque<String> names = new ArrayDeque<>();
    private int length;

    Walk(KernelObject dentry, KernelObject mount, long rootDentry, long rootMount) {
      this.objects = dentry.objects();
      this.first = dentry;
      this.dentry = dentry;
      this.mount = mount;
      this.rootDentry = rootDentry;
      this.rootMount = rootMount;
    }

    FilePath name() throws IOException {
      Optional<String> fault;
      boolean unlinked = false;
      try {
        Optional<String> made = madeUp();
        if (made.isPresent()) {
          return new FilePath(made.get(), Optional.empty());
        }
        unlinked = unlinked();
        fault = climb();
      } catch (UnmappedAddressException outside) {
        fault =
            Optional.of(
                "name of a file leads to 0x%x, where no RAM is".formatted(outside.address()));
      }
      String path = names.isEmpty() ? "/" : String.join("", names);
      return new FilePath(unlinked ? path + DELETED : path, fault);
    }

    /** {@code d_unlinked}: in no hash table, and no root. */
    private boolean unlinked() throws IOException {
      return first.number("d_hash.pprev") == 0 && first.number("d_parent") != first.address();
    }

    /** Why it broke off. */
    private Optional<String> climb() throws IOException {
      for (int step = 0; step < MOST_STEPS; step++) {
        if (dentry.address() == rootDentry && mount.address() == rootMount) {
          return Optional.empty();
        }
        long parent = dentry.number("d_parent");
        if (dentry.address() == mount.number("mnt_root")) {
          KernelObject outer = mount.container("mount", "mnt");
          KernelObject above = objects.at("mount", outer.number("mnt_parent"));
          if (above.address() == outer.address()) {
            return Optional.empty(); // the root of all, or of a mount that hangs nowhere
          }
          dentry = objects.at("dentry", outer.number("mnt_mountpoint"));
          mount = above.inside("mnt", "vfsmount");
          continue;
        }
        if (parent == dentry.address()) {
          names.clear(); // a bind mount whose directory was moved out of it: the kernel says "/"
          return Optional.empty();
        }
        String name = "/" + plain(dentry);
        length += name.length();
        if (length > MOST_BYTES) {
          return Optional.of("name of a file has more than %d bytes".formatted(MOST_BYTES));
        }
        names.addFirst(name);
        dentry = objects.at("dentry", parent);
      }
      return Optional.of("name of a file goes through more than %d".formatted(MOST_STEPS));
    }

    private String plain(KernelObject of) throws IOException {
      int most = (int) Math.min(of.number("d_name.len"), MOST_BYTES);
      return of.textAt("d_name.name", most).orElse("");
    }

    /** Names that a file system makes up for what has none: {@code d_op->d_dname}. */
    private Optional<String> madeUp() throws IOException {
      Optional<KernelObject> operations = first.follow("d_op", "dentry_operations");
      if (operations.isEmpty() || operations.get().number("d_dname") == 0) {
        return Optional.empty();
      }
      boolean isRoot = first.number("d_parent") == first.address();
      if (isRoot && first.address() == mount.number("mnt_root")) {
        return Optional.empty(); // a namespace that is mounted somewhere
      }
      long function = operations.get().number("d_dname");
      String by =
          objects
              .symbols()
              .at(function)
              .filter(symbol -> symbol.address() == function)
              .map(symbol -> symbol.name())
              .orElse("");
      return Optional.of(
          switch (by) {
            case "simple_dname" -> "/" + plain(first) + DELETED;
            case "pipefs_dname" -> "pipe:[%s]".formatted(inode());
            case "sockfs_dname" -> "socket:[%s]".formatted(inode());
            case "anon_inodefs_dname" -> "anon_inode:" + plain(first);
            case "pidfs_dname" -> "anon_inode:[pidfd]";
            case "dmabuffs_dname" -> "/%s:".formatted(plain(first));
            case "ns_dname" -> "%s:[%s]".formatted(namespace(), inode());
            default -> "%s:[%s]".formatted(fileSystem(), inode());
          });
    }

    private String inode() throws IOException {
      Optional<KernelObject> inode = first.follow("d_inode", "inode");
      return inode.isEmpty() ? "?" : Long.toUnsignedString(inode.get().number("i_ino"));
    }

    private String fileSystem() throws IOException {
      Optional<KernelObject> sb = first.follow("d_sb", "super_block");
      Optional<KernelObject> type =
          sb.isEmpty() ? sb : sb.get().follow("s_type", "file_system_type");
      return type.isEmpty() ? "?" : type.get().textAt("name", 64).orElse("?");
    }

    /** {@code mnt}, {@code net}: until 6.18 the dentry leads to it, then the inode does. */
    private String namespace() throws IOException {
      Optional<KernelObject> operations = first.follow("d_fsdata", "proc_ns_operations");
      if (operations.isEmpty()) {
        Optional<KernelObject> inode = first.follow("d_inode", "inode");
        Optional<KernelObject> common =
            inode.isEmpty() ? inode : inode.get().follow("i_private", "ns_common");
        operations = common.isEmpty() ? common : common.get().follow("ops", "proc_ns_operations");
      }
      return operations.isEmpty() ? "ns" : operations.get().textAt("name", 64).orElse("ns");
    }
  }
}
