package dev.vmstate.cli;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.vmstate.core.process.CoreCounts;
import dev.vmstate.core.process.PageSource;
import dev.vmstate.exchange.ProcessCores.Planned;
import dev.vmstate.exchange.ProcessFiles;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;

/** What is in the core of a process, and what is not. */
final class CoreReport {
  private final Path file;
  private final Planned planned;

  private final List<ProcessFiles.Result> files;

  CoreReport(Path file, Planned planned, List<ProcessFiles.Result> files) {
    this.file = file;
    this.planned = planned;
    this.files = files;
  }

  static String pid(Planned planned) {
    try {
      return Integer.toString(planned.task().pid());
    } catch (IOException e) {
      return "?";
    }
  }

  /** {@code 812.nginx.core}; a name that a guest has made up can be anything. */
  static String fileName(Planned planned) {
    StringBuilder name = new StringBuilder(pid(planned)).append('.');
    for (byte next : planned.comm().getBytes(StandardCharsets.ISO_8859_1)) {
      boolean plain = next > ' ' && next < 0x7f && "/\\:*?\"<>|%'`$&;()".indexOf(next) < 0;
      name.append(plain ? String.valueOf((char) next) : "%%%02x".formatted(next & 0xff));
    }
    return name.append(".core").toString();
  }

  private static String word(PageSource source) {
    return switch (source) {
      case MAPPED -> "mapped";
      case CACHED -> "pageCache";
      case SWAP_CACHED -> "swapCache";
      case ZERO -> "zero";
      case SWAPPED -> "swappedOut";
      case ABSENT -> "absent";
      case NOTHING -> "nothing";
    };
  }

  private static String text(PageSource source) {
    return switch (source) {
      case MAPPED -> "in RAM, by the process's page tables";
      case CACHED -> "in RAM, in the page cache or the kernel's image; not touched by the process";
      case SWAP_CACHED -> "in RAM, on its way to or from swap";
      case ZERO -> "never written to: zeros";
      case SWAPPED -> "swapped out: holes";
      case ABSENT -> "in a file, not in RAM: holes, or left off at the end of a segment";
      case NOTHING -> "without memory: behind a file's end, of devices, poisoned";
    };
  }

  ObjectNode json() {
    CoreCounts counts = planned.core().counts();
    ObjectNode node = JsonNodeFactory.instance.objectNode();
    node.put("file", file.toString());
    node.put("pid", Integer.parseInt(pid(planned).replace("?", "-1")));
    node.put("name", GuestText.json(planned.comm()));
    node.put("elfClass", planned.notes().i386() ? 32 : 64);
    node.put("fileBytes", planned.core().size());
    node.put("threads", planned.notes().threads());
    node.put("segments", planned.core().segments().size());
    ObjectNode bytes = node.putObject("bytes");
    for (PageSource source : PageSource.values()) {
      bytes.put(word(source), counts.bytes(source));
    }
    bytes.put("filteredOut", counts.filtered());
    if (!files.isEmpty()) {
      ArrayNode array = node.putArray("files");
      for (ProcessFiles.Result result : files) {
        ObjectNode one = array.addObject().put("path", GuestText.json(result.path()));
        one.put("bytes", result.bytes()).put("missingPages", result.missing());
      }
    }
    planned.remarks().forEach(node.putArray("notes")::add);
    return node;
  }

  private String who() {
    return "process %s (%s), %s, %s"
        .formatted(
            pid(planned),
            GuestText.line(planned.comm()),
            Sizes.count(planned.notes().threads(), "thread"),
            Sizes.count(planned.core().segments().size(), "segment"));
  }

  /** A line for each place memory is in. */
  void text(PrintWriter out) {
    out.printf("%s  %s: %s%n", file, Sizes.text(planned.core().size()), who());
    CoreCounts counts = planned.core().counts();
    for (PageSource source : PageSource.values()) {
      if (counts.bytes(source) > 0) {
        out.printf("  %10s  %s%n", Sizes.text(counts.bytes(source)), text(source));
      }
    }
    if (counts.filtered() > 0) {
      out.printf("  %10s  left out by --filter%n", Sizes.text(counts.filtered()));
    }
    for (ProcessFiles.Result result : files) {
      out.printf(
          "  %s: %s%n",
          GuestText.line(result.path()),
          result.missing() == 0
              ? Sizes.text(result.bytes())
              : "not written, %s of %d not in RAM"
                  .formatted(
                      Sizes.count(result.missing(), "page"), (result.bytes() + 4095) / 4096));
    }
  }

  /** One line. */
  void line(PrintWriter out) {
    CoreCounts counts = planned.core().counts();
    StringBuilder more = new StringBuilder();
    if (counts.bytes(PageSource.SWAPPED) > 0) {
      more.append(", %s swapped out".formatted(Sizes.text(counts.bytes(PageSource.SWAPPED))));
    }
    if (counts.bytes(PageSource.ABSENT) > 0) {
      more.append(", %s absent".formatted(Sizes.text(counts.bytes(PageSource.ABSENT))));
    }
    out.printf("%s  %s: %s in RAM%s%n", file, who(), Sizes.text(counts.present()), more);
  }
}
