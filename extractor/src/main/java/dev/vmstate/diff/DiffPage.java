package dev.vmstate.diff;

import dev.vmstate.memory.RamBlock;
import dev.vmstate.snapshot.EditableSnapshot;
import java.io.IOException;
import java.io.PrintWriter;
import java.util.List;

/**
 * A difference as one HTML file that needs nothing else: a picture of memory, one cell for each
 * MiB, registers and the device tree side by side.
 */
public final class DiffPage {
  /** A page with more rows is no page to look at. */
  private static final int MOST_ROWS = 5000;

  private static final int MOST_RANGES = 1000;

  private static final String HEAD =
      """
      <!DOCTYPE html>
      <html lang="en"><head><meta charset="utf-8"><title>vmstate diff</title>
      <style>
      :root { color-scheme: light dark; --changed: #d1345b; --data: #5b8e7d; --zero: #8882; }
      body { font: 14px/1.45 system-ui, sans-serif; margin: 2em auto; max-width: 75em; padding: 0 1em; }
      h1 { font-size: 1.3em } h2 { font-size: 1.1em; margin-top: 2em }
      table { border-collapse: collapse; width: 100% }
      td, th { text-align: left; padding: .15em .8em .15em 0; vertical-align: top;
               font-family: ui-monospace, monospace; font-size: 12px; overflow-wrap: anywhere }
      th { font-family: inherit; border-bottom: 1px solid #8888 }
      td.old { color: #a33 } td.new { color: #275 }
      @media (prefers-color-scheme: dark) { td.old { color: #f99 } td.new { color: #9d9 } }
      summary { cursor: pointer; font-family: ui-monospace, monospace }
      canvas { display: block; image-rendering: pixelated; margin: .4em 0 1em }
      .key span { display: inline-block; width: 1em; height: 1em; margin: 0 .4em 0 1.2em;
                  vertical-align: -.15em }
      #at { font-family: ui-monospace, monospace; min-height: 1.5em }
      </style></head><body>
      """;

  /** Draws the cells; a look at one says where it is. */
  private static final String SCRIPT =
      """
      <script>
      const css = getComputedStyle(document.documentElement);
      const colour = { c: css.getPropertyValue('--changed'), d: css.getPropertyValue('--data'),
                       '.': css.getPropertyValue('--zero') };
      const word = { c: 'changed', d: 'data', '.': 'zero' };
      for (const canvas of document.querySelectorAll('canvas')) {
        const cells = canvas.dataset.cells, size = cells.length > 16384 ? 3 : 8, row = 128;
        canvas.width = row * size;
        canvas.height = Math.ceil(cells.length / row) * size;
        const draw = canvas.getContext('2d');
        for (let i = 0; i < cells.length; i++) {
          draw.fillStyle = colour[cells[i]];
          draw.fillRect(i % row * size, Math.floor(i / row) * size, size - 1, size - 1);
        }
        canvas.onmousemove = e => {
          const i = Math.floor(e.offsetY / size) * row + Math.floor(e.offsetX / size);
          document.getElementById('at').textContent = cells[i] === undefined ? '' :
              canvas.dataset.block + '+0x' + (i * 0x100000).toString(16) + ': ' + word[cells[i]];
        };
      }
      </script>
      """;

  private final SnapshotDiff diff;
  private final EditableSnapshot a;
  private final EditableSnapshot b;
  private final PrintWriter out;

  private DiffPage(SnapshotDiff diff, EditableSnapshot a, EditableSnapshot b, PrintWriter out) {
    this.diff = diff;
    this.a = a;
    this.b = b;
    this.out = out;
  }

  /** Writes the page. */
  public static void write(
      SnapshotDiff diff, EditableSnapshot a, EditableSnapshot b, PrintWriter out)
      throws IOException {
    new DiffPage(diff, a, b, out).write();
  }

  private void write() throws IOException {
    out.print(HEAD);
    out.printf("<h1>%s &rarr; %s</h1>%n", text(a.source()), text(b.source()));
    out.printf(
        "<p>%s; %d values of %d devices differ, %d pages of RAM.</p>%n",
        diff.machine().isEmpty() ? text(a.machine()) : text(diff.machine()),
        diff.fields().size(),
        diff.devices().size(),
        diff.pages().stream().mapToLong(PageDiff::count).sum());
    memory();
    registers();
    devices();
    out.print(SCRIPT);
    out.println("</body></html>");
  }

  private void memory() throws IOException {
    out.println("<h2>Memory</h2><p class=key>one cell is 1 MiB of the second snapshot:");
    out.println("<span style='background:var(--changed)'></span>changed");
    out.println("<span style='background:var(--data)'></span>data");
    out.println("<span style='background:var(--zero)'></span>zero</p><div id=at></div>");
    for (int i = 0; i < b.blocks().size(); i++) {
      RamBlock block = b.blocks().get(i);
      if (block.bytes() >= MemoryPicture.CELL) {
        out.printf(
            "<div>%s, %d MiB</div><canvas data-block=\"%s\" data-cells=\"%s\"></canvas>%n",
            text(block.name()),
            block.bytes() / MemoryPicture.CELL,
            text(block.name()),
            MemoryPicture.cells(b, i, diff.pages()));
      }
    }
    for (BlockDiff block : diff.blocks()) {
      out.printf("<p>%s</p>%n", text(block));
    }
    for (PageDiff pages : diff.pages()) {
      out.printf(
          "<details><summary>%s: %d pages</summary><table>%n",
          text(pages.block().name()), pages.count());
      pages.ranges().limit(MOST_RANGES).forEach(r -> out.printf("<tr><td>%s</td></tr>%n", text(r)));
      out.println("</table></details>");
    }
  }

  private void registers() throws IOException {
    List<RegisterChange> changes = RegisterChange.between(a.cpus(), b.cpus());
    out.printf("<h2>Registers</h2>%n");
    if (changes.isEmpty()) {
      out.println("<p>none differs</p>");
      return;
    }
    out.println("<table><tr><th>register</th><th>before</th><th>after</th></tr>");
    for (RegisterChange change : changes) {
      row(change.path(), "0x" + Long.toHexString(change.before()), change.shownAfter());
    }
    out.println("</table>");
  }

  private void devices() {
    out.println("<h2>Devices</h2>");
    diff.onlyInA().forEach(name -> out.printf("<p>only in the first: %s</p>%n", text(name)));
    diff.onlyInB().forEach(name -> out.printf("<p>only in the second: %s</p>%n", text(name)));
    int rows = 0;
    for (DeviceDiff device : diff.devices()) {
      out.printf(
          "<details%s><summary>%s (%d)</summary><table><tr><th>field</th><th>before</th>"
              + "<th>after</th></tr>%n",
          device.fields().size() <= 20 ? " open" : "",
          text(device.device()),
          device.fields().size());
      for (FieldChange change : device.fields()) {
        if (rows++ < MOST_ROWS) {
          row(
              change.path(),
              change.more() > 0 ? change.more() + " more values differ" : change.shownBefore(),
              change.more() > 0 ? "" : change.shownAfter());
        }
      }
      device.structure().forEach(line -> row(line, "", ""));
      out.println("</table></details>");
    }
    if (rows > MOST_ROWS) {
      out.printf("<p>%d more rows are left out</p>%n", rows - MOST_ROWS);
    }
    if (diff.devices().isEmpty() && diff.onlyInA().isEmpty() && diff.onlyInB().isEmpty()) {
      out.println("<p>none differs</p>");
    }
  }

  private void row(String what, String before, String after) {
    out.printf(
        "<tr><td>%s</td><td class=old>%s</td><td class=new>%s</td></tr>%n",
        text(what), text(before), text(after));
  }

  /** Names in a snapshot may come from anybody. */
  private static String text(Object value) {
    StringBuilder safe = new StringBuilder();
    for (char c : value.toString().toCharArray()) {
      switch (c) {
        case '<' -> safe.append("&lt;");
        case '>' -> safe.append("&gt;");
        case '&' -> safe.append("&amp;");
        case '"' -> safe.append("&quot;");
        case '\'' -> safe.append("&#39;");
        default -> safe.append(c);
      }
    }
    return safe.toString();
  }
}
