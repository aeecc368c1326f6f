package dev.vmstate.layout;

import dev.vmstate.bytes.ByteSource;
import dev.vmstate.bytes.FormatException;
import dev.vmstate.bytes.WindowedSource;
import dev.vmstate.device.Field;
import dev.vmstate.device.SectionDecoder;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * All layouts, and what they make of a section: fields that vmdesc leaves as bytes become groups of
 * the same span, and fields get their names of bits and values.
 *
 * <p>A layout accounts for every byte of its field, and each value it relies on must be plausible;
 * otherwise the field stays {@link Field.Raw} with a note that says where the table and the bytes
 * parted. Where several are for a field they are tried in the tables' order.
 */
public final class Layouts {
  private static final int WINDOW = 1 << 16;
  private static final Pattern INDEX = Pattern.compile("\\[\\d+]");
  private static final Pattern ELEMENT = Pattern.compile("(.*)\\[(0[xX][0-9a-fA-F]+|\\d+)]");

  private final Tables tables;

  private Layouts(Tables tables) {
    this.tables = tables;
  }

  private static final class Holder {
    static final Layouts BUILT_IN = load();
  }

  /** The tables of this package. */
  public static Layouts builtIn() {
    return Holder.BUILT_IN;
  }

  /**
   * Tables from text, for tests.
   *
   * @throws IllegalArgumentException when the text breaks the grammar
   */
  public static Layouts of(String text) {
    Tables tables = new Tables();
    LayoutReader.read("text", text, tables);
    return new Layouts(tables);
  }

  private static Layouts load() {
    Tables tables = new Tables();
    for (String file : resource("index").split("\\s+")) {
      LayoutReader.read(file, resource(file), tables);
    }
    return new Layouts(tables);
  }

  private static String resource(String name) {
    try (InputStream in = Layouts.class.getResourceAsStream(name)) {
      if (in == null) {
        throw new IllegalStateException("no resource " + name);
      }
      return new String(in.readAllBytes(), StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** When QEMU writes a subsection, in its own words, where a table says so. */
  public Optional<String> needed(String subsection) {
    return Optional.ofNullable(tables.needed.get(subsection));
  }

  /**
   * A section's tree with every layout applied that fits.
   *
   * @param source the stream
   * @param idstr the section's name
   * @param root what vmdesc made of it
   * @param budget shared with the sections of the stream
   * @return a tree of the same spans
   */
  public Field.Group refine(
      ByteSource source, String idstr, Field.Group root, SectionDecoder.Budget budget)
      throws IOException {
    List<Map<String, Naming>> names = new ArrayList<>();
    for (Tables.FieldNames some : tables.names) {
      if (some.device().matches(idstr)) {
        names.add(some.byPath());
      }
    }
    return new Walk(source, idstr, names, budget).group(root, "");
  }

  /** What a layout makes of bytes, or empty where none fits them. */
  Optional<Field.Group> refine(
      ByteSource source, String idstr, Field.Raw bytes, SectionDecoder.Budget budget)
      throws IOException {
    Field refined = new Walk(source, idstr, List.of(), budget).raw(bytes);
    return refined instanceof Field.Group group ? Optional.of(group) : Optional.empty();
  }

  /** One section's walk. */
  private final class Walk {
    private final ByteSource source;
    private final String idstr;
    private final List<Map<String, Naming>> names;
    private final SectionDecoder.Budget budget;
    private final Naming.Sets sets = new Naming.Sets(tables, Map.of());

    Walk(
        ByteSource source,
        String idstr,
        List<Map<String, Naming>> names,
        SectionDecoder.Budget budget) {
      this.source = source;
      this.idstr = idstr;
      this.names = names;
      this.budget = budget;
    }

    Field.Group group(Field.Group group, String path) throws IOException {
      List<Field> children = new ArrayList<>(group.children().size());
      boolean changed = false;
      for (Field child : group.children()) {
        Field refined = field(child, path);
        children.add(refined);
        changed |= refined != child;
      }
      return changed
          ? new Field.Group(
              group.name(),
              group.index(),
              group.kind(),
              group.vmsd(),
              group.version(),
              group.span(),
              group.body(),
              children)
          : group;
    }

    private Field field(Field field, String path) throws IOException {
      if (field instanceof Field.Group group) {
        return group(group, names.isEmpty() ? "" : path + group.label() + "/");
      }
      if (field instanceof Field.Raw raw) {
        return raw(raw);
      }
      return names.isEmpty() ? field : named(field, path + field.label());
    }

    private Field named(Field field, String path) {
      Naming naming = find(path);
      if (field instanceof Field.Scalar scalar && naming != null) {
        return new Field.Scalar(
            scalar.name(),
            scalar.index(),
            scalar.type(),
            scalar.span(),
            scalar.value(),
            naming.meaning(sets));
      }
      if (field instanceof Field.Array array) {
        Naming all = naming == null ? new Naming() : naming;
        Naming with = all.with(elements(path));
        Field.Elements elements = with.elements(sets);
        return elements == null
            ? field
            : new Field.Array(
                array.name(), array.index(), array.type(), array.count(), array.span(), elements);
      }
      return field;
    }

    /** By the path as it is, or without the numbers in it. */
    private @Nullable Naming find(String path) {
      for (Map<String, Naming> some : names) {
        Naming found = some.get(path);
        found = found == null ? some.get(INDEX.matcher(path).replaceAll("[*]")) : found;
        if (found != null) {
          return found;
        }
      }
      return null;
    }

    private Map<Integer, Naming> elements(String path) {
      Map<Integer, Naming> elements = new HashMap<>();
      String anyIndex = INDEX.matcher(path).replaceAll("[*]");
      for (Map<String, Naming> some : names) {
        some.forEach(
            (key, naming) -> {
              var element = ELEMENT.matcher(key);
              if (element.matches()
                  && (element.group(1).equals(path) || element.group(1).equals(anyIndex))) {
                elements.put(Integer.decode(element.group(2)), naming);
              }
            });
      }
      return elements;
    }

    Field raw(Field.Raw raw) throws IOException {
      String note = "";
      for (Layout layout : tables.layouts) {
        if (!layout.isFor(idstr, raw.type(), raw.name())) {
          continue;
        }
        for (Map<String, Long> tried : combinations(layout)) {
          try {
            LayoutDecoder decoder =
                new LayoutDecoder(
                    new WindowedSource(source, WINDOW), idstr, raw.span(), layout, tables, budget);
            return new Field.Group(
                raw.name(),
                raw.index(),
                Field.GroupKind.STRUCT,
                raw.type(),
                -1,
                raw.span(),
                raw.span(),
                decoder.whole(layout, tried));
          } catch (FormatException e) {
            note = note.isEmpty() ? String.valueOf(e.getMessage()) : note;
          }
        }
      }
      return note.isEmpty()
          ? raw
          : new Field.Raw(raw.name(), raw.index(), raw.type(), raw.span(), note, raw.named());
    }
  }

  private static List<Map<String, Long>> combinations(Layout layout) {
    List<Map<String, Long>> all = List.of(Map.of());
    for (Map.Entry<String, List<Long>> tried : layout.tries().entrySet()) {
      List<Map<String, Long>> more = new ArrayList<>();
      for (Map<String, Long> before : all) {
        for (long value : tried.getValue()) {
          Map<String, Long> one = new HashMap<>(before);
          one.put(tried.getKey(), value);
          more.add(one);
        }
      }
      all = more;
    }
    return all;
  }
}
