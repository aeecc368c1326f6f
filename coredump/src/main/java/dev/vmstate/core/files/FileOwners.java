package dev.vmstate.core.files;

import java.io.IOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Who has a file open: pipes and sockets by their inode, for whoever wants the other end. */
public final class FileOwners {
  private final Map<Long, List<Owner>> byInode = new HashMap<>();

  /**
   * A process with a number for the file.
   *
   * @param pid of the process
   * @param fd its number there
   * @param readable what may be done with it
   * @param writable the same
   */
  public record Owner(int pid, int fd, boolean readable, boolean writable) {
    /** {@code r}, {@code w}, {@code rw}; a dash for neither. */
    public String access() {
      return readable ? writable ? "rw" : "r" : writable ? "w" : "-";
    }
  }

  /** Remembers the files of one process, or of one of its threads that has a table of its own. */
  public void add(ProcessFiles process) throws IOException {
    for (OpenFile file : process.files()) {
      if (isShared(file)) {
        byInode
            .computeIfAbsent(inode(file), at -> new ArrayList<>())
            .add(new Owner(process.thread(), file.fd(), file.readable(), file.writable()));
      }
    }
  }

  /** Who has the pipe or socket {@code file} is, too. */
  public List<Owner> of(OpenFile file) throws IOException {
    return isShared(file) ? of(inode(file)) : List.of();
  }

  /** Who has the {@code struct inode} at an address. */
  public List<Owner> of(long inode) {
    return List.copyOf(byInode.getOrDefault(inode, List.of()));
  }

  private static boolean isShared(OpenFile file) {
    return file.isSocket() || file.type().equals("FIFO");
  }

  private static long inode(OpenFile file) throws IOException {
    return file.file().number("f_inode");
  }
}
