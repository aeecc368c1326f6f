package dev.vmstate.layout;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * One way to read a field that vmdesc leaves as bytes.
 *
 * @param name for messages
 * @param types vmdesc's types it is for; empty for any
 * @param devices patterns of section names; empty for any
 * @param fields the field's names; empty for any
 * @param when what must hold before it is tried, or null
 * @param tries values to try one after the other, for what the bytes do not say
 * @param aliases what {@code ?name} stands for in this layout
 */
record Layout(
    String name,
    List<String> types,
    List<Glob> devices,
    List<String> fields,
    @Nullable Expression when,
    Map<String, List<Long>> tries,
    Map<String, String> aliases,
    Item.Block items) {
  Layout {
    tries = new LinkedHashMap<>(tries);
  }

  boolean isFor(String idstr, String type, String field) {
    return (types.isEmpty() || types.contains(type))
        && (fields.isEmpty() || fields.contains(field) || fields.contains(bare(field)))
        && (devices.isEmpty() || devices.stream().anyMatch(glob -> glob.matches(idstr)));
  }

  /** vmdesc numbers fields of one name: {@code config[0]}, {@code config[1]}. */
  private static String bare(String field) {
    return field.replaceFirst("\\[\\d+]$", "");
  }

  /**
   * A pattern of section names, {@code *} for anything: of the part behind the last slash, or of
   * the whole name where the pattern has a slash or starts with {@code =}.
   */
  record Glob(Pattern pattern, boolean whole) {
    static Glob of(String text) {
      boolean whole = text.contains("/") || text.startsWith("=");
      String glob = text.startsWith("=") ? text.substring(1) : text;
      return new Glob(
          Pattern.compile("\\Q" + glob.replace("*", "\\E.*\\Q") + "\\E", Pattern.DOTALL), whole);
    }

    boolean matches(String idstr) {
      String part = whole ? idstr : idstr.substring(idstr.lastIndexOf('/') + 1);
      return pattern.matcher(part).matches();
    }
  }
}
