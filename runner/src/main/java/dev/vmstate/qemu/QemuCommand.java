package dev.vmstate.qemu;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * The command line the user would start QEMU with, and what is added to it.
 *
 * @param words program and arguments as the user gave them
 */
public record QemuCommand(List<String> words) {
  private static final Map<String, String> CONFLICTS =
      Map.of(
          "incoming", "the snapshot comes in through a socket of our own",
          "loadvm", "the state to load is the snapshot, not one inside a disk",
          "daemonize", "QEMU must stay in the foreground to be ended again",
          "preconfig", "QEMU must come up as far as the monitor with its devices made");

  private static final Set<String> DISPLAYS =
      Set.of("display", "nographic", "vnc", "spice", "sdl", "curses");

  public QemuCommand {
    words = List.copyOf(words);
    if (words.isEmpty()) {
      throw new IllegalArgumentException("no QEMU command: give it behind --");
    }
    for (String word : words) {
      String reason = CONFLICTS.get(option(word));
      if (reason != null) {
        throw new IllegalArgumentException(
            "leave %s out of the QEMU command: %s".formatted(word, reason));
      }
    }
  }

  /** QEMU takes one dash and two. */
  private static String option(String word) {
    return word.startsWith("--")
        ? word.substring(2)
        : word.startsWith("-") ? word.substring(1) : "";
  }

  /** The words to start: paused, without a window, with {@code more} at the end. */
  List<String> paused(List<String> more) {
    List<String> all = new ArrayList<>(words);
    if (words.stream().noneMatch(word -> DISPLAYS.contains(option(word)))) {
      all.addAll(List.of("-display", "none"));
    }
    all.add("-S");
    all.addAll(more);
    return all;
  }
}
