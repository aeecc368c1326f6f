package dev.vmstate.cli;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.vmstate.core.kdump.KdumpWriter;
import dev.vmstate.core.kdump.PageKind;
import java.io.PrintWriter;
import java.util.Locale;

/** What of a guest's pages is in a kdump, and what is not. */
final class DumpReport {
  private DumpReport() {}

  /** One line for each kind that was left out. */
  static void print(KdumpWriter.Report report, PrintWriter out) {
    out.printf(
        "pages: %d of %d, dump level %d%n",
        report.written(), report.frames(), report.leftOut().level().bits());
    line(out, PageKind.ZERO.word(), report.zeros(), "share the bytes of one");
    for (PageKind kind : PageKind.values()) {
      line(out, kind.word(), report.leftOut().count(kind), "left out");
    }
    line(out, "unknown", report.leftOut().unknown(), "no page of the kernel's, written");
  }

  private static void line(PrintWriter out, String kind, long count, String what) {
    if (count > 0) {
      out.printf("  %-13s %8d  %s%n", kind, count, what);
    }
  }

  /** {@code pages}, with a number for each kind. */
  static void json(KdumpWriter.Report report, ObjectNode node) {
    node.put("dumpLevel", report.leftOut().level().bits());
    ObjectNode pages = node.putObject("pages");
    pages.put("total", report.frames()).put("written", report.written());
    pages.put("zero", report.zeros());
    ObjectNode leftOut = pages.putObject("leftOut");
    for (PageKind kind : PageKind.values()) {
      if (kind != PageKind.ZERO) {
        leftOut.put(name(kind), report.leftOut().count(kind));
      }
    }
    pages.put("unknown", report.leftOut().unknown());
  }

  private static String name(PageKind kind) {
    return kind == PageKind.CACHE_PRIVATE ? "cachePrivate" : kind.name().toLowerCase(Locale.ROOT);
  }
}
