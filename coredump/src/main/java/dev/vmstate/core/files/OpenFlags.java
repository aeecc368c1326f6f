package dev.vmstate.core.files;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** The {@code O_…} flags of x86: {@code include/uapi/asm-generic/fcntl.h}. */
public final class OpenFlags {
  static final long O_CLOEXEC = 02000000;

  private static final long O_ACCMODE = 3;

  /** Those of two bits before those of one. */
  private static final List<Map.Entry<Long, String>> NAMES =
      List.of(
          Map.entry(04010000L, "O_SYNC"),
          Map.entry(020200000L, "O_TMPFILE"),
          Map.entry(0100L, "O_CREAT"),
          Map.entry(0200L, "O_EXCL"),
          Map.entry(0400L, "O_NOCTTY"),
          Map.entry(01000L, "O_TRUNC"),
          Map.entry(02000L, "O_APPEND"),
          Map.entry(04000L, "O_NONBLOCK"),
          Map.entry(010000L, "O_DSYNC"),
          Map.entry(020000L, "O_ASYNC"),
          Map.entry(040000L, "O_DIRECT"),
          Map.entry(0100000L, "O_LARGEFILE"),
          Map.entry(0200000L, "O_DIRECTORY"),
          Map.entry(0400000L, "O_NOFOLLOW"),
          Map.entry(01000000L, "O_NOATIME"),
          Map.entry(O_CLOEXEC, "O_CLOEXEC"),
          Map.entry(010000000L, "O_PATH"));

  private OpenFlags() {}

  /** Their names, the way of access first; what has no name stays a number. */
  public static List<String> names(long flags) {
    List<String> names = new ArrayList<>();
    names.add(
        switch ((int) (flags & O_ACCMODE)) {
          case 0 -> "O_RDONLY";
          case 1 -> "O_WRONLY";
          case 2 -> "O_RDWR";
          default -> "O_ACCMODE";
        });
    long left = flags & ~O_ACCMODE;
    for (Map.Entry<Long, String> known : NAMES) {
      if ((left & known.getKey()) == known.getKey()) {
        names.add(known.getValue());
        left &= ~known.getKey();
      }
    }
    if (left != 0) {
      names.add("0%o".formatted(left));
    }
    return names;
  }
}
