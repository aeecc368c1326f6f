package dev.vmstate.cli;

import dev.vmstate.core.tasks.ControllingTerminal;
import dev.vmstate.core.tasks.FoundBy;
import dev.vmstate.core.tasks.GuestClock;
import dev.vmstate.core.tasks.Namespaces;
import dev.vmstate.core.tasks.PidNumber;
import dev.vmstate.core.tasks.Scheduling;
import dev.vmstate.core.tasks.TaskFacts;
import dev.vmstate.core.tasks.TaskTimes;
import java.io.PrintWriter;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.stream.Collectors;

/** The table of {@code ps}. */
final class PsText {
  private static final DateTimeFormatter DATE =
      DateTimeFormatter.ofPattern("yyyy-MM-dd HH:mm:ss", Locale.ROOT).withZone(ZoneOffset.UTC);
  private static final int PAGE_KIB = 4;

  private final Optional<GuestClock> clock;
  private final boolean threads;

  /** {@code threads}: with the number of each thread. */
  PsText(Optional<GuestClock> clock, boolean threads) {
    this.clock = clock;
    this.threads = threads;
  }

  void print(List<PsRow> rows, PrintWriter out) {
    boolean contained =
        rows.stream()
            .anyMatch(row -> row.facts().namespaces().filter(Namespaces::isContained).isPresent());
    List<String> heading = new ArrayList<>(List.of("PID"));
    if (threads) {
      heading.add("TID");
    }
    heading.addAll(
        List.of("PPID", "UID", "STAT", "CPU", "NI", "VSZ", "RSS", "TTY", "START", "TIME", "IN"));
    if (contained) {
      heading.add("NSPID");
    }
    heading.add("COMMAND");
    TextTable table = new TextTable(heading.toArray(String[]::new));
    for (PsRow row : rows) {
      table.add(line(row, contained).toArray());
    }
    table.print(out);
  }

  private List<String> line(PsRow row, boolean contained) {
    TaskFacts facts = row.facts();
    List<String> line = new ArrayList<>();
    line.add(String.valueOf(facts.tgid()));
    if (threads) {
      line.add(String.valueOf(facts.pid()));
    }
    line.add(facts.family().map(of -> String.valueOf(of.parent())).orElse("?"));
    line.add(
        facts
            .credentials()
            .map(of -> of.uid() == of.euid() ? "" + of.uid() : of.uid() + "/" + of.euid())
            .orElse("?"));
    line.add(facts.stat());
    line.add(facts.scheduling().map(of -> String.valueOf(of.cpu())).orElse("?"));
    line.add(facts.scheduling().map(PsText::priority).orElse("?"));
    line.add(facts.memory().map(of -> "" + of.virtual() * PAGE_KIB).orElse("-"));
    line.add(facts.memory().map(of -> "" + of.resident() * PAGE_KIB).orElse("-"));
    line.add(facts.terminal().map(ControllingTerminal::name).map(GuestText::word).orElse("-"));
    line.add(facts.times().map(this::start).orElse("?"));
    line.add(facts.times().map(PsText::time).orElse("?"));
    line.add(in(row));
    if (contained) {
      line.add(
          facts
              .namespaces()
              .filter(Namespaces::isContained)
              .map(
                  of ->
                      of.pids().stream()
                          .skip(1)
                          .map(PidNumber::number)
                          .map(String::valueOf)
                          .collect(Collectors.joining(",")))
              .orElse("-"));
    }
    line.add(row.tree() + row.command());
    return line;
  }

  /** The nice value, where it is what counts. */
  private static String priority(Scheduling of) {
    return switch (of.policyName()) {
      case "TS" -> String.valueOf(of.nice());
      case "FF", "RR" -> of.policyName() + of.realTimePriority();
      default -> of.policyName();
    };
  }

  private String start(TaskTimes of) {
    return clock.isPresent()
        ? DATE.format(clock.get().wall(of.start()))
        : "+%d.%02d s".formatted(of.start() / 1_000_000_000, of.start() / 10_000_000 % 100);
  }

  /** Minutes, seconds and hundredths, cut as the kernel's own are. */
  private static String time(TaskTimes of) {
    long ticks = (of.user() + of.system()) / 10_000_000;
    return "%d:%02d.%02d".formatted(ticks / 6000, ticks / 100 % 60, ticks % 100);
  }

  /** A letter for each way that found it, and a mark where one is missing that should have. */
  private static String in(PsRow row) {
    StringBuilder text = new StringBuilder();
    for (FoundBy way : FoundBy.values()) {
      text.append(row.foundBy().contains(way) ? way.toString().charAt(0) : '-');
    }
    return text.append(row.missingFrom().isEmpty() ? "" : "!").toString().toUpperCase(Locale.ROOT);
  }
}
