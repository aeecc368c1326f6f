package dev.vmstate.core.layouts;

import dev.vmstate.bytes.FormatException;
import dev.vmstate.core.kernel.KernelTypes;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import org.jspecify.annotations.Nullable;

/**
 * What one build of a kernel has where, read from text; decimal numbers, a line each:
 *
 * <pre>
 * vmstate kernel layouts 1
 * banner Linux version 6.1.0-50-686 (…) … #1 SMP …
 * symbol NAME BYTES                        from _text
 * percpu NAME BYTES                        a CPU's own variable, linked at 0
 * enum NAME VALUE
 * type NAME BYTES
 *  PATH BIT BITS BYTES LENGTH ELEMENT TYPE a member of the type above; LENGTH -1: no array; TYPE - : no structure
 * </pre>
 */
public final class LayoutTable implements KernelTypes {
  /** A hundred times what a table of a kernel has. */
  private static final long MOST_BYTES = 16 << 20;

  static final String FIRST = "vmstate kernel layouts 1";

  private final Map<String, Long> symbols = new HashMap<>();
  private final Map<String, Long> unmoved = new HashMap<>();
  private final Map<String, Long> enumerators = new HashMap<>();
  private final Map<String, Long> sizes = new HashMap<>();
  private final Map<String, Map<String, Entry>> types = new HashMap<>();
  private String banner = "";

  private LayoutTable() {}

  private record Entry(
      long bit, int bits, long bytes, long length, long elementBytes, String type) {}

  /**
   * Reads a file.
   *
   * @return empty when it is another kind of file: its first line decides
   */
  public static Optional<LayoutTable> read(Path file) throws IOException {
    byte[] first = FIRST.getBytes(StandardCharsets.US_ASCII);
    try (InputStream in = Files.newInputStream(file)) {
      if (!Arrays.equals(in.readNBytes(first.length), first)) {
        return Optional.empty();
      }
    }
    if (Files.size(file) > MOST_BYTES) {
      throw new FormatException(
          file.toString(), 0, "more than %d bytes, too many for a table".formatted(MOST_BYTES));
    }
    return Optional.of(
        parse(
            file.toString(), Files.readString(file, StandardCharsets.ISO_8859_1).lines().toList()));
  }

  /**
   * Reads one.
   *
   * @param place for messages
   * @throws FormatException with the number of the line
   */
  public static LayoutTable parse(String place, List<String> lines) throws FormatException {
    LayoutTable table = new LayoutTable();
    if (lines.isEmpty() || !lines.get(0).equals(FIRST)) {
      throw new FormatException(place, 0, "expected '%s' on the first line".formatted(FIRST));
    }
    Map<String, Entry> members = new HashMap<>();
    for (int i = 1; i < lines.size(); i++) {
      String line = lines.get(i);
      String[] words = line.strip().split(" ");
      try {
        if (line.startsWith(" ")) {
          members.put(words[0], entry(words));
        } else if (line.startsWith("banner ")) {
          table.banner = line.substring(7);
        } else if (words[0].equals("type")) {
          members = new HashMap<>();
          table.types.put(words[1], members);
          table.sizes.put(words[1], Long.parseLong(words[2]));
        } else if (words[0].equals("symbol")) {
          table.symbols.put(words[1], Long.parseLong(words[2]));
        } else if (words[0].equals("percpu")) {
          table.unmoved.put(words[1], Long.parseLong(words[2]));
        } else if (words[0].equals("enum")) {
          table.enumerators.put(words[1], Long.parseLong(words[2]));
        } else {
          throw new FormatException(place, i + 1, "line '%s' is none of a table".formatted(line));
        }
      } catch (NumberFormatException | IndexOutOfBoundsException e) {
        throw new FormatException(place, i + 1, "line '%s' is none of a table".formatted(line));
      }
    }
    return table;
  }

  private static Entry entry(String[] words) {
    return new Entry(
        Long.parseLong(words[1]),
        Integer.parseInt(words[2]),
        Long.parseLong(words[3]),
        Long.parseLong(words[4]),
        Long.parseLong(words[5]),
        words[6].equals("-") ? "" : words[6]);
  }

  /** Of which build. */
  public String banner() {
    return banner;
  }

  /** Variables, by how far they are behind {@code _text}. */
  public Map<String, Long> symbols() {
    return Map.copyOf(symbols);
  }

  /** Variables that each CPU has of its own and that do not move with the image. */
  public Map<String, Long> unmoved() {
    return Map.copyOf(unmoved);
  }

  @Override
  public OptionalLong size(String type) {
    return number(sizes, type);
  }

  @Override
  public OptionalLong enumerator(String name) {
    return number(enumerators, name);
  }

  private static OptionalLong number(Map<String, Long> in, String name) {
    Long found = in.get(name);
    return found == null ? OptionalLong.empty() : OptionalLong.of(found);
  }

  @Override
  public Optional<Field> field(String type, String path) {
    Entry found = find(type, path);
    return found == null
        ? Optional.empty()
        : Optional.of(new Field(found.bit(), found.bits(), found.bytes()));
  }

  @Override
  public OptionalLong length(String type, String path) {
    Entry found = find(type, path);
    return found == null || found.length() < 0
        ? OptionalLong.empty()
        : OptionalLong.of(found.length());
  }

  private @Nullable Entry find(String type, String path) {
    Map<String, Entry> in = types.get(type);
    String prefix = "";
    long base = 0;
    Entry here = null;
    for (String part : path.split("\\.", -1)) {
      if (here != null && !here.type().isEmpty()) { // the structure that was reached
        in = here.length() >= 0 ? null : types.get(here.type());
        base = here.bit();
        prefix = "";
      }
      int bracket = part.indexOf('[');
      String name = prefix + (bracket < 0 ? part : part.substring(0, bracket));
      here = in == null ? null : in.get(name);
      if (here == null) {
        return null;
      }
      here =
          new Entry(
              base + here.bit(),
              here.bits(),
              here.bytes(),
              here.length(),
              here.elementBytes(),
              here.type());
      if (bracket >= 0) {
        here = element(here, part.substring(bracket));
        if (here == null) {
          return null;
        }
      }
      prefix = name + ".";
    }
    return here;
  }

  private static @Nullable Entry element(Entry array, String index) {
    if (array.length() < 0 || !index.matches("\\[\\d{1,9}\\]")) {
      return null;
    }
    long at = Long.parseLong(index.substring(1, index.length() - 1));
    long bit = array.bit() + 8 * at * array.elementBytes();
    return new Entry(bit, 0, array.elementBytes(), -1, 0, array.type());
  }
}
