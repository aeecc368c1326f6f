package dev.vmstate.cli;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.vmstate.core.log.LogRecord;
import dev.vmstate.core.log.LogRecord.State;
import dev.vmstate.exchange.GuestLog;
import dev.vmstate.snapshot.Snapshot;
import java.io.IOException;
import java.io.PrintWriter;
import java.time.Instant;
import java.time.ZoneId;
import java.time.temporal.ChronoUnit;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;
import picocli.CommandLine.TypeConversionException;

/** The kernel's log out of the guest's memory. */
@Command(
    name = "dmesg",
    mixinStandardHelpOptions = true,
    description = "Prints the log of the guest's Linux kernel, out of its memory.",
    footer = {"", "Example:", "  vmstate dmesg vm.mig", "  vmstate dmesg --level warn+ -T vm.mig"})
final class DmesgCommand implements Callable<Integer> {
  @Spec private CommandSpec spec;
  @Mixin private LinuxArgument linux;
  @Mixin private Output output;
  @Mixin private ColorOption color;

  @Option(
      names = {"-l", "--level"},
      paramLabel = "LIST",
      split = ",",
      description = {
        "Only these: emerg, alert, crit, err, warn, notice, info, debug;",
        "err+ is err and what is worse, +err is err and what is milder."
      })
  private List<String> level = List.of();

  @Option(
      names = {"-f", "--facility"},
      paramLabel = "LIST",
      split = ",",
      description = "Only these: kern, user, daemon, …")
  private List<String> facility = List.of();

  @Option(
      names = {"-T", "--ctime"},
      description = "Date and time by the guest's clock, in this machine's time zone.")
  private boolean ctime;

  @Option(
      names = {"-t", "--notime"},
      description = "No time.")
  private boolean notime;

  @Option(
      names = {"-x", "--decode"},
      description = "With facility and level: 'kern  :info  : '.")
  private boolean decode;

  @Option(
      names = {"-r", "--raw"},
      description = "With facility and level as a number: '<6>'.")
  private boolean raw;

  @Option(
      names = {"-P", "--force-prefix"},
      description = "All of that before each line of a message, not only before its first.")
  private boolean forcePrefix;

  @Option(
      names = "--caller",
      description = "With who wrote it: T1 a thread, C0 a CPU in an interrupt.")
  private boolean caller;

  @Option(
      names = "--dictionary",
      description = "With what is kept beside a message: SUBSYSTEM=, DEVICE=.")
  private boolean dictionary;

  @Override
  public Integer call() throws Exception {
    Set<Integer> levels;
    Set<Integer> facilities;
    try {
      levels = LogNames.levels(level);
      facilities = LogNames.facilities(facility);
    } catch (TypeConversionException e) {
      throw new ParameterException(spec.commandLine(), e.getMessage(), e);
    }
    try (Snapshot opened = linux.open()) {
      GuestLog log = linux.log(opened, output);
      if (output.json) {
        json(log, levels, facilities);
      } else {
        text(log, levels, facilities);
      }
    }
    return 0;
  }

  private static boolean chosen(LogRecord record, Set<Integer> levels, Set<Integer> facilities) {
    return (levels.isEmpty() || levels.contains(record.level()))
        && (facilities.isEmpty() || facilities.contains(record.facility()));
  }

  private void text(GuestLog log, Set<Integer> levels, Set<Integer> facilities) throws IOException {
    if (ctime && log.boot().isEmpty()) {
      throw new IOException(
          "Linux %s does not say what time it was: it has no types (--vmlinux FILE has them), or its clock was being set"
              .formatted(log.kernel().release()));
    }
    LogText.Time time =
        notime ? LogText.Time.NONE : ctime ? LogText.Time.WALL_CLOCK : LogText.Time.SECONDS;
    LogText.Style style =
        new LogText.Style(
            time,
            raw,
            decode,
            caller,
            forcePrefix,
            dictionary,
            color.wanted(),
            log.boot().orElse(0),
            ZoneId.systemDefault());
    LogText printer = new LogText(style, output.out());
    PrintWriter err = output.err();
    List<String> notes =
        log.log()
            .read(
                record -> {
                  if (!chosen(record, levels, facilities)) {
                    return;
                  }
                  if (record.state() == State.RESERVED) {
                    err.printf(
                        "vmstate: record %d was being written: %s%n",
                        record.seq(), GuestText.message(record.text()));
                  } else if (record.whole() || !record.text().isEmpty()) {
                    printer.print(record);
                  }
                });
    notes.forEach(note -> err.println("vmstate: " + note));
  }

  private void json(GuestLog log, Set<Integer> levels, Set<Integer> facilities) throws IOException {
    ObjectNode node = JsonNodeFactory.instance.objectNode();
    node.put("release", log.kernel().release());
    if (log.boot().isPresent()) {
      node.put("boot", Instant.EPOCH.plusNanos(log.boot().getAsLong()).toString());
    }
    ArrayNode records = node.putArray("records");
    List<String> notes =
        log.log()
            .read(
                record -> {
                  if (chosen(record, levels, facilities)) {
                    add(records.addObject(), record, log);
                  }
                });
    notes.forEach(node.putArray("notes")::add);
    output.print(node);
  }

  private static void add(ObjectNode node, LogRecord record, GuestLog log) {
    node.put("seq", record.seq()).put("nanoseconds", record.nanoseconds());
    if (log.boot().isPresent()) {
      Instant at = LogText.at(log.boot().getAsLong(), record).truncatedTo(ChronoUnit.MICROS);
      node.put("time", at.toString());
    }
    node.put("facility", LogNames.facility(record.facility()));
    node.put("level", LogNames.level(record.level()));
    record.callerName().ifPresent(name -> node.put("caller", name));
    record.command().ifPresent(name -> node.put("command", GuestText.json(name)));
    node.put("text", GuestText.json(record.text()));
    if (!record.dictionary().isEmpty()) {
      ArrayNode entries = node.putArray("dictionary");
      record.dictionary().forEach(entry -> entries.add(GuestText.json(entry)));
    }
    node.put("state", record.state().name().toLowerCase(Locale.ROOT));
    if (!record.whole()) {
      node.put("whole", false);
    }
  }
}
