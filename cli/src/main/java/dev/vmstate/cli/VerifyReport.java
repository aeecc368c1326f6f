package dev.vmstate.cli;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.vmstate.diff.FieldChange;
import dev.vmstate.diff.PageDiff;
import dev.vmstate.qemu.Verification;
import java.io.PrintWriter;
import java.nio.file.Path;

/** Prints what QEMU made of a snapshot. */
final class VerifyReport {
  /** Page ranges listed for people. */
  private static final int MOST_RANGES = 20;

  private VerifyReport() {}

  static void print(Path snapshot, Verification result, Output output) {
    if (output.json) {
      output.print(json(result));
      return;
    }
    PrintWriter out = output.out();
    if (!output.quiet) {
      text(result, out);
    }
    if (result.ok()) {
      if (!output.quiet) {
        out.printf("%s: QEMU %s loads it and holds what it says%n", snapshot, result.qemu());
      }
      return;
    }
    output
        .err()
        .printf(
            "vmstate: %s: QEMU %s %s%n",
            snapshot,
            result.qemu(),
            result
                .refused()
                .map(r -> "refuses it: " + r)
                .orElse("loads it, but holds other state"));
  }

  private static void text(Verification result, PrintWriter out) {
    for (Verification.Edit edit : result.edits()) {
      out.printf(
          "%s %s%s%n",
          edit.kept() ? "kept:   " : "LOST:   ",
          edit.change(),
          edit.note().isEmpty() ? "" : "  (" + edit.note() + ")");
    }
    for (Verification.EditedPages pages : result.editedPages()) {
      ranges(pages.lost().count() == 0 ? "kept:   " : "edited: ", pages.pages(), out);
      ranges("LOST:   ", pages.lost(), out);
    }
    for (FieldChange change : result.changed()) {
      out.println("differs: " + change);
    }
    result.structure().forEach(line -> out.println("differs: " + line));
    result.pages().forEach(pages -> ranges("differs:", pages, out));
    for (Verification.Drift drift : result.drifts()) {
      out.printf("drifts:  %s (%s)%n", drift.change(), drift.reason());
    }
    if (!result.network().isBlank()) {
      out.println(
          "QEMU's network cards, as its monitor prints them (they show the command"
              + " line's mac= until the guest's driver runs):");
      result.network().strip().lines().forEach(line -> out.println("  " + line));
    }
  }

  private static void ranges(String what, PageDiff pages, PrintWriter out) {
    pages.ranges().limit(MOST_RANGES).forEach(range -> out.printf("%s memory %s%n", what, range));
    if (pages.count() > 0) {
      out.printf(
          "%s memory: %s of %s%n", what, Sizes.count(pages.count(), "page"), pages.block().name());
    }
  }

  private static ObjectNode json(Verification result) {
    ObjectNode node = JsonNodeFactory.instance.objectNode();
    node.put("ok", result.ok()).put("qemu", result.qemu());
    node.put("refused", result.refused().orElse(null));
    for (FieldChange change : result.changed()) {
      field(node.withArray("changed").addObject(), change);
    }
    result.structure().forEach(line -> node.withArray("structure").add(line));
    for (PageDiff pages : result.pages()) {
      pages(node.withArray("pages").addObject(), pages);
    }
    for (Verification.Edit edit : result.edits()) {
      field(node.withArray("edits").addObject(), edit.change())
          .put("kept", edit.kept())
          .put("note", edit.note());
    }
    for (Verification.EditedPages edited : result.editedPages()) {
      pages(node.withArray("editedPages").addObject(), edited.pages())
          .put("lost", edited.lost().count());
    }
    for (Verification.Drift drift : result.drifts()) {
      field(node.withArray("drifts").addObject(), drift.change()).put("reason", drift.reason());
    }
    return node.put("network", result.network());
  }

  private static ObjectNode field(ObjectNode node, FieldChange change) {
    return node.put("path", change.path())
        .put("before", change.before())
        .put("after", change.after());
  }

  private static ObjectNode pages(ObjectNode node, PageDiff pages) {
    node.put("block", pages.block().name()).put("pages", pages.count());
    pages.ranges().limit(1000).forEach(range -> node.withArray("ranges").add(range.toString()));
    return node;
  }
}
