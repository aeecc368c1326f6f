package dev.vmstate.cli;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.vmstate.device.FieldEdit;
import dev.vmstate.inject.InjectionReport;
import java.io.PrintWriter;
import java.util.HexFormat;
import java.util.List;

/** Prints what an edit changed. */
final class EditReport {
  /** For people; the JSON has as many as the report has. */
  private static final int MOST_LINES = 40;

  private EditReport() {}

  static void print(InjectionReport report, String done, List<String> limits, Output output) {
    if (output.json) {
      output.print(json(report, limits));
      return;
    }
    PrintWriter out = output.out();
    if (!output.quiet) {
      text(report, out);
      limits.forEach(limit -> out.println("not changed: " + limit));
    }
    for (InjectionReport.Metadata edit : report.metadata()) {
      for (String note : edit.notes()) {
        output.err().printf("vmstate: warning: %s: %s%n", edit.path(), note);
      }
    }
    for (FieldEdit edit : report.fields()) {
      if (!edit.note().isEmpty()) {
        output.err().printf("vmstate: warning: %s: %s%n", edit.path(), edit.note());
      }
    }
    if (!output.quiet) {
      out.printf(
          "%s: %s%s%s%n",
          done,
          report.isEmpty()
              ? "no edit"
              : Sizes.count(report.metadata().size() + report.fields().size(), "field")
                  + (report.structure().isEmpty()
                      ? ""
                      : ", " + Sizes.count(report.structure().size(), "part")),
          report.pages() == 0
              ? ""
              : ", %s of memory in %s%s"
                  .formatted(
                      Sizes.count(report.memoryBytes(), "byte"),
                      Sizes.count(report.pages(), "page"),
                      report.appendedPages() == 0
                          ? ""
                          : " (%d added to the stream)".formatted(report.appendedPages())),
          report.fileBytes() == 0
              ? ""
              : ", %s written".formatted(Sizes.count(report.fileBytes(), "byte")));
    }
  }

  private static void text(InjectionReport report, PrintWriter out) {
    for (InjectionReport.Metadata edit : report.metadata()) {
      out.printf("%s: %s -> %s  (%s)%n", edit.path(), edit.before(), edit.after(), edit.origin());
    }
    for (InjectionReport.Structural change : report.structure()) {
      out.printf(
          "%s: %s  (0x%x, %d bytes -> %d; %s)%n",
          change.path(),
          change.what(),
          change.offset(),
          change.bytesBefore(),
          change.bytesAfter(),
          change.origin());
      change.notes().forEach(note -> out.println("  " + note));
    }
    for (FieldEdit edit : report.fields()) {
      out.printf(
          "%s: %s -> %s  (0x%x+%d; %s)%n",
          edit.path(),
          edit.before(),
          edit.after(),
          edit.where().offset(),
          edit.where().length(),
          edit.origin());
    }
    report.ranges().stream()
        .limit(MOST_LINES)
        .forEach(
            range ->
                out.printf(
                    "memory %s (%s + 0x%x): %s -> %s%n",
                    range.physical() < 0 ? "-" : "0x" + Long.toHexString(range.physical()),
                    range.block(),
                    range.offset(),
                    range.before(),
                    range.after()));
    long more = report.moreRanges() + Math.max(0, report.ranges().size() - MOST_LINES);
    if (more > 0) {
      out.printf("memory: %d more ranges%n", more);
    }
  }

  private static ObjectNode json(InjectionReport report, List<String> limits) {
    HexFormat hex = HexFormat.of();
    ObjectNode node = JsonNodeFactory.instance.objectNode();
    for (InjectionReport.Metadata edit : report.metadata()) {
      ObjectNode value = node.withArray("metadata").addObject();
      value
          .put("path", edit.path())
          .put("before", edit.before())
          .put("after", edit.after())
          .put("origin", edit.origin());
      edit.notes().forEach(value.withArray("notes")::add);
    }
    for (InjectionReport.Structural change : report.structure()) {
      ObjectNode part = node.withArray("structure").addObject();
      part.put("path", change.path())
          .put("change", change.what())
          .put("offset", Facts.hex(change.offset()))
          .put("bytesBefore", change.bytesBefore())
          .put("bytesAfter", change.bytesAfter())
          .put("origin", change.origin());
      change.notes().forEach(part.withArray("notes")::add);
    }
    ArrayNode fields = node.putArray("fields");
    for (FieldEdit edit : report.fields()) {
      ObjectNode field = fields.addObject();
      field
          .put("path", edit.path())
          .put("offset", Facts.hex(edit.where().offset()))
          .put("before", hex.formatHex(edit.before().array()))
          .put("after", hex.formatHex(edit.after().array()))
          .put("origin", edit.origin());
      if (!edit.note().isEmpty()) {
        field.put("note", edit.note());
      }
    }
    ArrayNode memory = node.putArray("memory");
    for (InjectionReport.Range range : report.ranges()) {
      ObjectNode entry = memory.addObject();
      entry.put("physical", range.physical() < 0 ? null : Facts.hex(range.physical()));
      entry
          .put("block", range.block())
          .put("offset", Facts.hex(range.offset()))
          .put("before", hex.formatHex(range.before().array()))
          .put("after", hex.formatHex(range.after().array()));
    }
    node.put("memoryRangesNotListed", report.moreRanges());
    node.put("pages", report.pages());
    node.put("pagesAppended", report.appendedPages());
    node.put("memoryBytes", report.memoryBytes());
    node.put("bytesWritten", report.fileBytes());
    limits.forEach(limit -> node.withArray("notChanged").add(limit));
    return node;
  }
}
