package dev.vmstate.cli;

import dev.vmstate.core.log.LogRecord;
import java.io.PrintWriter;
import java.time.Instant;
import java.time.ZoneId;
import java.time.format.DateTimeFormatter;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Records of a kernel's log, to the letter as dmesg of util-linux prints them. */
final class LogText {
  private static final String RESET = "\u001b[0m";
  private static final String GREEN = "\u001b[32m";
  private static final String BROWN = "\u001b[33m";
  private static final String RED = "\u001b[31m";
  private static final String BOLD = "\u001b[1m";
  private static final String DIM = "\u001b[2m";
  private static final String REVERSE = "\u001b[7m";

  /** Up to the first colon with a blank behind it, both with it. */
  private static final Pattern SUBSYSTEM =
      Pattern.compile("(?s)[^:]*(?::(?![ \\t])[^:]*)*:[ \\t].");

  private static final DateTimeFormatter CTIME =
      DateTimeFormatter.ofPattern("EEE MMM ppd HH:mm:ss yyyy", Locale.ENGLISH);

  /** What stands in front of a message. */
  enum Time {
    NONE,
    SECONDS,
    WALL_CLOCK
  }

  /**
   * How to print.
   *
   * @param forcePrefix time and so on before each line, as syslog(2) has it; else lines are
   *     indented
   * @param boot nanoseconds from 1970 to boot, for {@link Time#WALL_CLOCK}
   * @param zone likewise
   */
  record Style(
      Time time,
      boolean raw,
      boolean decode,
      boolean caller,
      boolean forcePrefix,
      boolean dictionary,
      boolean colours,
      long boot,
      ZoneId zone) {}

  private final Style style;
  private final PrintWriter out;

  LogText(Style style, PrintWriter out) {
    this.style = style;
    this.out = out;
  }

  void print(LogRecord record) {
    String names = style.decode() && !style.raw() ? names(record) : "";
    String time = style.raw() ? priority(record) + seconds(record) : time(record);
    String caller = style.caller() ? record.callerName().map("[%6s] "::formatted).orElse("") : "";
    String green = style.colours() && !time.isEmpty() ? GREEN + time + RESET : time;
    String prefix = names + green + caller;
    String indent = " ".repeat(names.length() + time.length() + caller.length());
    String[] lines = record.text().split("\n", -1);
    if (style.forcePrefix()) {
      for (String line : lines) {
        out.println(prefix + coloured(record, GuestText.message(line)));
      }
    } else {
      out.println(prefix + coloured(record, joined(lines, indent)));
    }
    if (style.dictionary()) {
      record.dictionary().forEach(entry -> out.println(indent + GuestText.message(entry)));
    }
  }

  /** As dmesg has it, a line feed at the very end begins no line. */
  private static String joined(String[] lines, String indent) {
    StringBuilder text = new StringBuilder(GuestText.message(lines[0]));
    for (int i = 1; i < lines.length; i++) {
      text.append('\n');
      if (i < lines.length - 1 || !lines[i].isEmpty()) {
        text.append(indent).append(GuestText.message(lines[i]));
      }
    }
    return text.toString();
  }

  private static String names(LogRecord record) {
    return "%-6s:%-6s: "
        .formatted(LogNames.facility(record.facility()), LogNames.level(record.level()));
  }

  private static String priority(LogRecord record) {
    return "<%d>".formatted(record.facility() << 3 | record.level());
  }

  private String time(LogRecord record) {
    return switch (style.time()) {
      case NONE -> "";
      case SECONDS -> seconds(record);
      case WALL_CLOCK -> "[%s] ".formatted(CTIME.format(wallClock(record).atZone(style.zone())));
    };
  }

  private static String seconds(LogRecord record) {
    long micros = Long.divideUnsigned(record.nanoseconds(), 1000);
    return "[%5d.%06d] ".formatted(micros / 1_000_000, micros % 1_000_000);
  }

  private Instant wallClock(LogRecord record) {
    return at(style.boot(), record);
  }

  /** When it was written, by the guest's own clock. */
  static Instant at(long boot, LogRecord record) {
    return Instant.EPOCH.plusNanos(boot).plusNanos(Math.max(0, record.nanoseconds()));
  }

  private String coloured(LogRecord record, String text) {
    if (!style.colours()) {
      return text;
    }
    Matcher prefix = SUBSYSTEM.matcher(text);
    int split = prefix.lookingAt() ? prefix.end() - 1 : 0;
    String first = split == 0 ? "" : BROWN + text.substring(0, split) + RESET;
    String rest = text.substring(split);
    String colour =
        switch (record.level()) {
          case 0, 1 -> REVERSE + RED;
          case 2 -> BOLD + RED;
          case 3 -> RED;
          case 4 -> BOLD;
          default -> rest.contains("segfault at") ? DIM + RED : "";
        };
    return first + (colour.isEmpty() ? rest : colour + rest + RESET);
  }
}
