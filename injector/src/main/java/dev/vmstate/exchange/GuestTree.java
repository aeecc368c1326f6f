package dev.vmstate.exchange;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;

/**
 * Where files of a guest are put, below a directory of this machine. Their names are whatever the
 * guest has in its memory: none of them leads out of the directory.
 */
record GuestTree(Path directory) {
  /** Of a part of a name; file systems have 255. */
  private static final int MOST_NAME = 200;

  /**
   * Makes the directories of a file. What is a link may stay inside; no name of a guest, with no
   * link that is there, leads to another place.
   */
  void makeDirectories(Path file) throws IOException {
    Path root = directory.toRealPath();
    Path at = directory;
    Path parent = directory.relativize(file).getParent();
    for (Path part : parent == null ? Path.of("") : parent) {
      at = at.resolve(part);
      if (Files.notExists(at, LinkOption.NOFOLLOW_LINKS)) {
        Files.createDirectory(at);
      } else if (!Files.isDirectory(at)) {
        throw new IOException(at + ": is no directory, a file of the guest would be in it");
      } else if (!at.toRealPath().startsWith(root)) {
        throw new IOException(at + ": leads out of " + directory + ", nothing is written there");
      }
    }
    if (Files.isSymbolicLink(file) || Files.isDirectory(file)) {
      throw new IOException(file + ": is no regular file, the guest's is not written over it");
    }
  }

  /** A guest's name below the directory; what would lead out of it, or to a terminal, is spelt. */
  Path path(String name) {
    Path path = directory;
    for (String part : name.split("/")) {
      if (!part.isEmpty()) {
        path = path.resolve(part.equals(".") || part.equals("..") ? "%2e" + part : spelt(part));
      }
    }
    return path;
  }

  static String spelt(String part) {
    StringBuilder text = new StringBuilder();
    for (byte next : part.getBytes(StandardCharsets.ISO_8859_1)) {
      boolean plain = next >= ' ' && next < 0x7f && next != '%' && next != '\\' && next != '"';
      text.append(plain ? String.valueOf((char) next) : "%%%02x".formatted(next & 0xff));
    }
    // Spelt, a name of the guest's can be longer than any of this machine's may be.
    return text.length() <= MOST_NAME
        ? text.toString()
        : "%s%%%08x".formatted(text.substring(0, MOST_NAME), part.hashCode());
  }
}
