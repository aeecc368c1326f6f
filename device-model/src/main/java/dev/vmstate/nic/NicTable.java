package dev.vmstate.nic;

import dev.vmstate.checksum.Checksum;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** Reads {@code nics.table}; its grammar stands at its top. */
final class NicTable {
  private static final String NAME = "nics.table";

  /** Loaded once: the table is part of the program. */
  private static final NicTable BUILT_IN = load();

  private final Map<String, NicModel> models = new HashMap<>();

  private NicTable() {}

  private static NicTable load() {
    try (InputStream in = NicTable.class.getResourceAsStream(NAME)) {
      if (in == null) {
        throw new IllegalStateException(NAME + " is missing from the program");
      }
      return parse(new String(in.readAllBytes(), StandardCharsets.UTF_8));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** The model of a section, by its name. */
  static Optional<NicModel> of(String section) {
    return Optional.ofNullable(
        BUILT_IN.models.get(section.substring(section.lastIndexOf('/') + 1)));
  }

  /**
   * Reads a table.
   *
   * @throws IllegalArgumentException naming the line that is wrong
   */
  static NicTable parse(String text) {
    NicTable table = new NicTable();
    Draft draft = null;
    String[] lines = text.split("\n", -1);
    for (int i = 0; i < lines.length; i++) {
      String line = lines[i].strip();
      if (line.isEmpty() || line.startsWith("#")) {
        continue;
      }
      try {
        String[] words = line.split("\\s+");
        if (words[0].equals("nic")) {
          table.add(draft);
          draft = new Draft(List.of(words).subList(1, words.length));
        } else if (draft == null) {
          throw new IllegalArgumentException("a line before the first nic");
        } else {
          draft.line(words, line);
        }
      } catch (IllegalArgumentException e) {
        throw new IllegalArgumentException(
            "%s line %d: %s".formatted(NAME, i + 1, e.getMessage()), e);
      }
    }
    table.add(draft);
    return table;
  }

  private void add(@Nullable Draft draft) {
    if (draft != null) {
      NicModel model = draft.model();
      for (String name : model.names()) {
        if (models.put(name, model) != null) {
          throw new IllegalArgumentException("two rows for " + name);
        }
      }
    }
  }

  /** A row while its lines come. */
  private static final class Draft {
    private final List<String> names;
    private final List<CopyRule> copies = new ArrayList<>();
    private final List<String> limits = new ArrayList<>();
    private Optional<SerialNumber> serial = Optional.empty();
    private boolean needsSerial;
    private @Nullable CommandLine commandLine;

    Draft(List<String> names) {
      this.names = names;
    }

    void line(String[] words, String line) {
      switch (words[0]) {
        case "copy" -> copies.addAll(copy(words));
        case "serial" -> {
          serial = Optional.of(SerialNumber.of(words[1]));
          needsSerial = words.length > 2 && words[2].equals("needs-it");
        }
        case "mac=" -> commandLine = CommandLine.of(words[1]);
        case "limit" -> limits.add(line.substring("limit".length()).strip());
        default -> throw new IllegalArgumentException("no word '" + words[0] + "'");
      }
    }

    private static List<CopyRule> copy(String[] words) {
      if (words.length < 5 || !words[3].matches("u(8|16|32)")) {
        throw new IllegalArgumentException("copy PATH ELEMENT u8|u16|u32 PATTERN");
      }
      boolean ifSame = false;
      Optional<Checksum> checksum = Optional.empty();
      for (int i = 5; i < words.length; i++) {
        if (words[i].equals("if-same")) {
          ifSame = true;
        } else if (words[i].startsWith("sum=")) {
          checksum = Optional.of(Checksum.of(words[i].substring("sum=".length())));
        } else {
          throw new IllegalArgumentException("no word '" + words[i] + "'");
        }
      }
      String[] elements = words[2].split(":");
      int first = Integer.decode(elements[0]);
      int step = elements.length == 3 ? Integer.decode(elements[1]) : 0;
      int count = elements.length == 3 ? Integer.decode(elements[2]) : 1;
      int width = Integer.parseInt(words[3].substring(1)) / 8;
      List<CopyRule> rules = new ArrayList<>();
      for (int i = 0; i < count; i++) {
        rules.add(
            new CopyRule(
                words[1], first + i * step, width, MacPattern.parse(words[4]), ifSame, checksum));
      }
      return rules;
    }

    NicModel model() {
      if (names.isEmpty() || commandLine == null) {
        throw new IllegalArgumentException("a nic without a name or without mac=");
      }
      return new NicModel(names, copies, serial, needsSerial, commandLine, limits);
    }
  }
}
