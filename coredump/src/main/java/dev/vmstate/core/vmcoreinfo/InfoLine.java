package dev.vmstate.core.vmcoreinfo;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;

/**
 * One line a kernel may write into its VMCOREINFO; the table {@code lines.txt} has all of them and
 * says what its words mean.
 *
 * @param key what stands before the equals sign
 * @param rule a word for {@link KernelNumbers}; empty when the key itself says what the value is
 * @param conditions all of which hold for the line to be written
 */
record InfoLine(String key, String rule, List<String> conditions) {
  private static final String TABLE = "lines.txt";

  /** The table, in the order kernels write. */
  static List<InfoLine> table() {
    List<InfoLine> lines = new ArrayList<>();
    try (InputStream in = Objects.requireNonNull(InfoLine.class.getResourceAsStream(TABLE));
        BufferedReader text =
            new BufferedReader(new InputStreamReader(in, StandardCharsets.UTF_8))) {
      for (String line = text.readLine(); line != null; line = text.readLine()) {
        if (!line.isBlank() && !line.startsWith("#")) {
          lines.add(of(line));
        }
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return List.copyOf(lines);
  }

  private static InfoLine of(String line) {
    int condition = line.indexOf(" if ");
    String[] parts = (condition < 0 ? line : line.substring(0, condition)).trim().split(" +@");
    List<String> conditions =
        condition < 0 ? List.of() : List.of(line.substring(condition + 4).split(", *"));
    return new InfoLine(parts[0], parts.length > 1 ? parts[1] : "", conditions);
  }

  /** What stands before the parenthesis: {@code SYMBOL}; empty when there is none. */
  String kind() {
    int open = key.indexOf('(');
    return open < 0 ? "" : key.substring(0, open);
  }

  /** What stands in the parentheses. */
  String argument() {
    return key.substring(key.indexOf('(') + 1, key.endsWith(")") ? key.length() - 1 : key.length());
  }
}
