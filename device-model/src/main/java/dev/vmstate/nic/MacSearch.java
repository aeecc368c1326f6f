package dev.vmstate.nic;

import dev.vmstate.bytes.Span;
import dev.vmstate.device.DeviceSection;
import dev.vmstate.device.EditSet;
import dev.vmstate.device.Field;
import dev.vmstate.device.FieldEdit;
import dev.vmstate.device.FieldPath;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;

/**
 * Looks for bytes that look like an address where no rule says that there is one: in what a card
 * has just sent or received, say. In the encodings that cards use, and as text.
 */
public final class MacSearch {
  /** Longer sections are not looked through: no card's is. */
  private static final long LONGEST = 1 << 20;

  private static final int MOST_FOUND = 64;
  private static final int TEXT = 17;

  private static final List<MacPattern> PATTERNS =
      List.of(
          MacPattern.parse("012345"),
          MacPattern.parse("103254"),
          MacPattern.parse("3210..54"),
          MacPattern.parse("..543210"),
          MacPattern.parse("..45..23..01"),
          MacPattern.parse("001122334455"));

  private MacSearch() {}

  /**
   * What looks like the card's address in its section and in those of the same device.
   *
   * @param known edits whose bytes do not count
   */
  public static List<Nic.Copy> find(Nic nic, List<DeviceSection> devices, EditSet known)
      throws IOException {
    List<Nic.Copy> found = new ArrayList<>();
    if (nic.mac().isEmpty() || Arrays.equals(nic.mac().get().bytes(), new byte[6])) {
      return found;
    }
    String name = nic.section().name();
    String device = name.substring(0, name.lastIndexOf('/') + 1);
    for (DeviceSection section : devices) {
      boolean sibling = !device.isEmpty() && section.name().startsWith(device);
      boolean own = section.name().equals(name) && section.instance() == nic.section().instance();
      if ((own || sibling) && section.payload().length() <= LONGEST) {
        search(section, nic.mac().get(), known, found);
      }
    }
    return found;
  }

  private static void search(
      DeviceSection section, MacAddress mac, EditSet known, List<Nic.Copy> found)
      throws IOException {
    byte[] bytes = section.source().bytes(section.payload());
    List<FieldPath> leaves = new FieldPath(section, section.root(), -1, section.label()).leaves();
    for (int at = 0; at < bytes.length && found.size() < MOST_FOUND; at++) {
      int length = 0;
      for (MacPattern pattern : PATTERNS) {
        if (length == 0 && pattern.matches(bytes, at, mac)) {
          length = pattern.length();
          Span where = section.payload().at(at, length);
          if (!known.touches(where)) {
            found.add(copy(section, leaves, where, pattern));
          }
        }
      }
      if (length == 0 && isText(bytes, at, mac)) {
        length = TEXT;
        Span where = section.payload().at(at, length);
        if (!known.touches(where)) {
          found.add(text(section, leaves, where));
        }
      }
      at += Math.max(0, length - 1);
    }
  }

  private static boolean isText(byte[] bytes, int at, MacAddress mac) {
    return at + TEXT <= bytes.length
        && bytes[at + 2] == ':'
        && new String(bytes, at, TEXT, StandardCharsets.ISO_8859_1)
            .toLowerCase(Locale.ROOT)
            .equals(mac.toString());
  }

  private static Nic.Copy copy(
      DeviceSection section, List<FieldPath> leaves, Span where, MacPattern pattern)
      throws IOException {
    String path = path(section, leaves, where);
    byte[] now = section.source().bytes(where);
    return Copies.copy(
        path,
        (mac, origin) -> List.of(FieldEdit.of(path, where, now, pattern.write(now, mac), origin)));
  }

  private static Nic.Copy text(DeviceSection section, List<FieldPath> leaves, Span where)
      throws IOException {
    String path = path(section, leaves, where);
    byte[] now = section.source().bytes(where);
    return Copies.copy(
        path,
        (mac, origin) ->
            List.of(
                FieldEdit.of(
                    path,
                    where,
                    now,
                    mac.toString().getBytes(StandardCharsets.ISO_8859_1),
                    origin)));
  }

  /** The field it starts in, and from which element or byte on. */
  private static String path(DeviceSection section, List<FieldPath> leaves, Span where) {
    for (FieldPath leaf : leaves) {
      if (leaf.span().offset() <= where.offset() && where.offset() < leaf.span().end()) {
        long at = where.offset() - leaf.span().offset();
        if (at == 0 && leaf.span().length() == where.length()) {
          return leaf.path();
        }
        int width = leaf.field() instanceof Field.Array array ? array.type().width() : 1;
        return "%s[0x%x]".formatted(leaf.path(), at / width);
      }
    }
    return section.label();
  }
}
