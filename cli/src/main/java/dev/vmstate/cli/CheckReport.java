package dev.vmstate.cli;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.vmstate.check.Finding;
import dev.vmstate.check.Finding.Fix;
import dev.vmstate.qemu.LoadCheck;
import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.List;

/** Prints whether a QEMU will load a snapshot. */
final class CheckReport {
  private final String snapshot;
  private final LoadCheck result;
  private final Output output;

  CheckReport(String snapshot, LoadCheck result, Output output) {
    this.snapshot = snapshot;
    this.result = result;
    this.output = output;
  }

  void print() {
    if (output.json) {
      output.print(json());
      return;
    }
    if (!output.quiet) {
      PrintWriter out = output.out();
      result.findings().forEach(this::finding);
      result.load().ifPresent(this::load);
      out.println(verdict());
    }
  }

  private void finding(Finding finding) {
    PrintWriter out = output.out();
    out.printf("%-8s %s: %s%n", finding.grade() + ":", finding.path(), finding.reason());
    finding
        .fix()
        .ifPresent(
            fix ->
                out.printf(
                    "         %s%s%n",
                    command(fix),
                    fix.consequence().isEmpty() ? "" : "  (" + fix.consequence() + ")"));
  }

  private void load(LoadCheck.DryLoad load) {
    PrintWriter out = output.out();
    if (load.refused().isEmpty()) {
      out.println("loaded:  QEMU took it");
      return;
    }
    out.println("refused: " + load.refused().get());
    load.explained()
        .ifPresent(
            finding -> out.println("         which is the error above on " + finding.path()));
  }

  private String verdict() {
    String qemu = result.qemu().isEmpty() ? "QEMU" : "QEMU " + result.qemu();
    String what = "%s as %s".formatted(qemu, result.machine());
    if (result.load().isPresent()) {
      return "%s: %s %s it".formatted(snapshot, what, result.loads() ? "loads" : "does not load");
    }
    if (!result.loads()) {
      return "%s: %s will not load it".formatted(snapshot, what);
    }
    return result.whole()
        ? "%s: %s will load it".formatted(snapshot, what)
        : "%s: %s will load it, given the devices it needs".formatted(snapshot, what);
  }

  private String command(Fix fix) {
    List<String> words = new ArrayList<>(List.of("vmstate", fix.command(), word(snapshot)));
    fix.arguments().forEach(argument -> words.add(word(argument)));
    words.addAll(List.of("-o", "NEW"));
    return String.join(" ", words);
  }

  /** As a shell reads it. */
  private static String word(String text) {
    return text.matches("[\\w./:=,@%+-]+") ? text : "'" + text.replace("'", "'\\''") + "'";
  }

  private ObjectNode json() {
    ObjectNode node = JsonNodeFactory.instance.objectNode();
    node.put("loads", result.loads())
        .put("qemu", result.qemu())
        .put("machine", result.machine())
        .put("wholeMachine", result.whole());
    node.putArray("findings");
    for (Finding finding : result.findings()) {
      ObjectNode one = node.withArray("findings").addObject();
      one.put("grade", finding.grade().toString())
          .put("section", finding.section())
          .put("field", finding.field())
          .put("reason", finding.reason());
      finding
          .fix()
          .ifPresent(
              fix -> {
                one.put("fix", command(fix));
                if (!fix.consequence().isEmpty()) {
                  one.put("fixNote", fix.consequence());
                }
              });
    }
    result
        .load()
        .ifPresent(
            load -> {
              ObjectNode tried = node.putObject("load");
              tried.put("refused", load.refused().orElse(null));
              load.explained().ifPresent(finding -> tried.put("explainedBy", finding.path()));
            });
    return node;
  }
}
