package dev.vmstate.qemu;

import dev.vmstate.check.Destination;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeSet;

/**
 * Looks for a name in the program of a QEMU that runs, and in its modules: the name of every vmsd
 * is a C string there. Linux only, through {@code /proc}; a wrapper script in front does not
 * matter.
 */
final class ProgramNames implements Destination.Names {
  private static final int STEP = 1 << 20;

  private final List<Path> files = new ArrayList<>();
  private final Map<String, Optional<Boolean>> found = new HashMap<>();

  ProgramNames(long pid) {
    Path process = Path.of("/proc", Long.toString(pid));
    files.add(process.resolve("exe"));
    try {
      TreeSet<String> modules = new TreeSet<>();
      for (String line : Files.readAllLines(process.resolve("maps"))) {
        int at = line.indexOf('/');
        if (at >= 0 && isPart(line.substring(at))) {
          modules.add(line.substring(at));
        }
      }
      modules.forEach(module -> files.add(Path.of(process + "/root" + module)));
    } catch (IOException e) {
      // the program alone then
    }
  }

  /** The program itself stands here too: started through the loader, exe is the loader. */
  private static boolean isPart(String mapped) {
    return mapped.endsWith(".so")
        ? mapped.contains("/qemu/")
        : mapped.substring(mapped.lastIndexOf('/') + 1).startsWith("qemu");
  }

  @Override
  public Optional<Boolean> hold(String name) {
    return found.computeIfAbsent(name, this::search);
  }

  /** Linkers let a string be the end of a longer one, so only what follows it is certain. */
  private Optional<Boolean> search(String name) {
    byte[] wanted = (name + "\0").getBytes(StandardCharsets.UTF_8);
    boolean read = false;
    for (Path file : files) {
      try (FileChannel channel = FileChannel.open(file)) {
        if (holds(channel, wanted)) {
          return Optional.of(true);
        }
        read = true;
      } catch (IOException e) {
        // not readable: what the others say counts
      }
    }
    return read ? Optional.of(false) : Optional.empty();
  }

  private static boolean holds(FileChannel channel, byte[] wanted) throws IOException {
    ByteBuffer buffer = ByteBuffer.allocate(STEP + wanted.length);
    while (channel.read(buffer) >= 0) {
      byte[] bytes = buffer.array();
      int last = buffer.position() - wanted.length;
      for (int at = 0; at <= last; at++) {
        int i = 0;
        while (i < wanted.length && bytes[at + i] == wanted[i]) {
          i++;
        }
        if (i == wanted.length) {
          return true;
        }
      }
      buffer.flip().position(Math.max(0, last + 1));
      buffer.compact();
    }
    return false;
  }
}
