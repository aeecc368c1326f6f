package dev.vmstate.cli;

import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.List;

/** Lines of words under a heading, each column as wide as its longest word. */
final class TextTable {
  private final List<List<String>> lines = new ArrayList<>();

  TextTable(String... heading) {
    lines.add(List.of(heading));
  }

  void add(Object... words) {
    List<String> line = new ArrayList<>();
    for (Object word : words) {
      line.add(word.toString());
    }
    lines.add(line);
  }

  /** The last column is not filled up. A number's column stands on the right. */
  void print(PrintWriter out) {
    int columns = lines.get(0).size();
    int[] widths = new int[columns];
    for (List<String> line : lines) {
      for (int i = 0; i < columns; i++) {
        widths[i] = Math.max(widths[i], length(line.get(i)));
      }
    }
    for (List<String> line : lines) {
      StringBuilder text = new StringBuilder();
      for (int i = 0; i < columns; i++) {
        String word = line.get(i);
        String fill = " ".repeat(widths[i] - length(word));
        boolean last = i == columns - 1;
        text.append(isNumber(i) ? fill + word : last ? word : word + fill).append(last ? "" : "  ");
      }
      out.println(text.toString().stripTrailing());
    }
  }

  private static int length(String word) {
    return word.codePointCount(0, word.length());
  }

  private boolean isNumber(int column) {
    return lines.size() > 1
        && lines.stream().skip(1).allMatch(line -> line.get(column).matches("-|\\d+"));
  }
}
