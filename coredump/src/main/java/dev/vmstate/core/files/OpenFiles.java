package dev.vmstate.core.files;

import dev.vmstate.core.objects.KernelObject;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * The files of a {@code struct files_struct}, which the threads of a process have in common. The
 * pointers are believed, as by {@code /proc}; the bitmap of numbers in use is compared with them.
 * Source: include/linux/fdtable.h, fs/proc/fd.c.
 *
 * @param table address of the {@code files_struct}
 * @param files by their number
 * @param notes files that could not be read, and what contradicts
 */
public record OpenFiles(long table, List<OpenFile> files, List<String> notes) {
  /** {@code fs.nr_open} is 2^20, unless somebody raised it. */
  private static final int MOST = 1 << 22;

  /** Bytes of memory for the files of one table: any user may have half a million open. */
  private static final int MOST_BYTES = 32 << 20;

  /** Of one file without its name; a name is kept once. */
  private static final int FILE_BYTES = 256;

  /** What one broken file says; a thousand say no more. */
  private static final int MOST_NOTES = 50;

  /** After so many pointers that lead to no file it is no table. */
  private static final int MOST_BROKEN = 1000;

  private static final long FMODE_READ = 1;
  private static final long FMODE_WRITE = 2;

  private static final String NO_INODE = "anon_inode:";

  public OpenFiles {
    files = List.copyOf(files);
    notes = List.copyOf(notes);
  }

  /**
   * Of a task; empty when it has none any more.
   *
   * @param task a {@code task_struct}
   */
  public static Optional<OpenFiles> of(KernelObject task) throws IOException {
    Optional<KernelObject> files = task.follow("files", "files_struct");
    return files.isEmpty() ? Optional.empty() : Optional.of(read(files.get()));
  }

  private static OpenFiles read(KernelObject files) throws IOException {
    List<OpenFile> found = new ArrayList<>();
    List<String> notes = new ArrayList<>();
    Optional<KernelObject> table = files.follow("fdt", "fdtable");
    if (table.isEmpty()) {
      return new OpenFiles(files.address(), found, List.of("a file table without files"));
    }
    KernelObject numbers = table.get();
    long most = numbers.number("max_fds");
    if (most > MOST) {
      notes.add(
          "a table says it has %d files: no more than %d are looked at".formatted(most, MOST));
      most = MOST;
    }
    long pointers = numbers.number("fd");
    long open = numbers.number("open_fds");
    long closeOnExec = numbers.number("close_on_exec");
    int word = files.objects().memory().wordBytes();
    Map<String, String> names = new HashMap<>();
    long left = MOST_BYTES;
    int leftOut = 0;
    int broken = 0;
    for (int fd = 0; fd < most; fd++) {
      try {
        long file = files.objects().memory().word(pointers + (long) fd * word);
        if (file == 0) {
          continue;
        }
        if (left < 0) {
          notes.add("the table has more files than are shown: from number %d on".formatted(fd));
          break;
        }
        if (!bit(files, open, fd)) {
          String note = "file %d is there, but its number is not marked as in use".formatted(fd);
          leftOut += noted(notes, note);
        }
        long cloexec = bit(files, closeOnExec, fd) ? OpenFlags.O_CLOEXEC : 0;
        OpenFile read = file(fd, files.objects().at("file", file), cloexec, names);
        left -= FILE_BYTES + (names.containsKey(read.name()) ? 0 : read.name().length());
        names.putIfAbsent(read.name(), read.name());
        found.add(read);
      } catch (IOException e) {
        leftOut += noted(notes, "file %d: %s".formatted(fd, e.getMessage()));
        if (++broken == MOST_BROKEN) {
          notes.add("%d numbers are no files: those from %d on are left out".formatted(broken, fd));
          break;
        }
        if (!files.objects().memory().isRam(pointers + (long) fd * word)) {
          break;
        }
      }
    }
    if (leftOut > 0) {
      notes.add("%d more faults of such kinds".formatted(leftOut));
    }
    return new OpenFiles(files.address(), found, notes);
  }

  /** 1 when there were enough of them. */
  private static int noted(List<String> notes, String note) {
    if (notes.size() >= MOST_NOTES) {
      return 1;
    }
    notes.add(note);
    return 0;
  }

  private static boolean bit(KernelObject files, long bitmap, int at) throws IOException {
    return (files.objects().memory().u8(bitmap + at / 8) >> at % 8 & 1) != 0;
  }

  private static OpenFile file(int fd, KernelObject file, long cloexec, Map<String, String> names)
      throws IOException {
    FilePath path = FilePath.ofFile(file, Optional.empty());
    KernelObject inode = file.objects().at("inode", file.number("f_inode"));
    KernelObject dentry = file.objects().at("dentry", file.number("f_path.dentry"));
    long mode = inode.number("i_mode");
    long can = file.number("f_mode");
    boolean unlinked =
        dentry.number("d_hash.pprev") == 0 && dentry.number("d_parent") != dentry.address();
    String name = names.getOrDefault(path.bytes(), path.bytes());
    return new OpenFile(
        fd,
        name.startsWith(NO_INODE) ? name.substring(NO_INODE.length()) : InodeType.of(mode),
        name,
        file.number("f_flags") & ~OpenFlags.O_CLOEXEC | cloexec,
        (can & FMODE_READ) != 0,
        (can & FMODE_WRITE) != 0,
        file.number("f_pos"),
        file.objects()
            .at("vfsmount", file.number("f_path.mnt"))
            .container("mount", "mnt")
            .number("mnt_id"),
        file.objects().at("super_block", inode.number("i_sb")).number("s_dev"),
        inode.number("i_ino"),
        InodeType.isDevice(mode) ? inode.number("i_rdev") : 0,
        inode.number("i_size"),
        inode.number("i_nlink"),
        unlinked && name.endsWith(" (deleted)"),
        file);
  }
}
