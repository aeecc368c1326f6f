package dev.vmstate.cli;

import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.TreeSet;
import picocli.CommandLine.TypeConversionException;

/** What syslog calls levels and facilities. */
final class LogNames {
  static final List<String> LEVELS =
      List.of("emerg", "alert", "crit", "err", "warn", "notice", "info", "debug");

  private static final List<String> FACILITIES =
      List.of(
          "kern",
          "user",
          "mail",
          "daemon",
          "auth",
          "syslog",
          "lpr",
          "news",
          "uucp",
          "cron",
          "authpriv",
          "ftp",
          "res0",
          "res1",
          "res2",
          "res3",
          "local0",
          "local1",
          "local2",
          "local3",
          "local4",
          "local5",
          "local6",
          "local7");

  private LogNames() {}

  static String level(int level) {
    return LEVELS.get(level & 7);
  }

  /** A number where there is no name. */
  static String facility(int facility) {
    return facility < FACILITIES.size() ? FACILITIES.get(facility) : Integer.toString(facility);
  }

  /** {@code err,warn}, {@code err+} for it and all that are worse than warn, {@code +err}. */
  static Set<Integer> levels(List<String> words) {
    Set<Integer> levels = new TreeSet<>();
    for (String word : words) {
      boolean worse = word.endsWith("+");
      boolean milder = word.startsWith("+");
      String name = word.substring(milder ? 1 : 0, word.length() - (worse ? 1 : 0));
      int level = number(name, LEVELS, "level");
      for (int i = worse ? 0 : level; i <= (milder ? LEVELS.size() - 1 : level); i++) {
        levels.add(i);
      }
    }
    return levels;
  }

  static Set<Integer> facilities(List<String> words) {
    Set<Integer> facilities = new TreeSet<>();
    words.forEach(word -> facilities.add(number(word, FACILITIES, "facility")));
    return facilities;
  }

  private static int number(String word, List<String> names, String what) {
    int at = names.indexOf(word.toLowerCase(Locale.ROOT));
    if (at < 0 && word.matches("\\d{1,3}") && Integer.parseInt(word) < names.size()) {
      at = Integer.parseInt(word);
    }
    if (at < 0) {
      throw new TypeConversionException(
          "'%s' is no %s: %s".formatted(word, what, String.join(", ", names)));
    }
    return at;
  }
}
