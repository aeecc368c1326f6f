package dev.vmstate.core.files;

/** What an inode is, by {@code i_mode}, as lsof calls it. */
final class InodeType {
  private static final int S_IFMT = 0170000;
  private static final int S_IFCHR = 0020000;
  private static final int S_IFBLK = 0060000;

  private InodeType() {}

  static String of(long mode) {
    return switch ((int) mode & S_IFMT) {
      case 0010000 -> "FIFO";
      case S_IFCHR -> "CHR";
      case 0040000 -> "DIR";
      case S_IFBLK -> "BLK";
      case 0100000 -> "REG";
      case 0120000 -> "LNK";
      case 0140000 -> "SOCK";
      default -> "0%o".formatted(mode);
    };
  }

  static boolean isDevice(long mode) {
    return (mode & S_IFMT) == S_IFCHR || (mode & S_IFMT) == S_IFBLK;
  }
}
