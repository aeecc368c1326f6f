package dev.vmstate.core.debuginfo;

import dev.vmstate.bytes.FormatException;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;

/**
 * One table of .debug_abbrev: what the entries of a unit look like, by code. In arrays: a kernel
 * has a million lines of them.
 *
 * <pre>
 * table ::= (uleb code, uleb tag, u8 has_children, (uleb attribute, uleb form[, sleb value])*, 0, 0)*, 0
 * </pre>
 */
final class Abbreviations {
  /** Compilers have a few hundred to a table. */
  private static final int MOST = 1 << 16;

  private static final int MOST_ATTRIBUTES = 1 << 20;

  private int[] codes = new int[64];
  private int[] tags = new int[64];
  private boolean[] children = new boolean[64];
  private int[] first = new int[65];
  private int[] attributes = new int[512];
  private int[] forms = new int[512];
  private long[] values = new long[512];
  private int count;
  private boolean inOrder = true;

  /** Of a table whose codes are not in order. */
  private final Map<Integer, Integer> lines = new HashMap<>();

  /** The table at the cursor. */
  static Abbreviations read(DwarfCursor in) throws FormatException {
    Abbreviations table = new Abbreviations();
    int all = 0;
    for (int code; (code = in.small("abbreviation code")) != 0; ) {
      if (table.count == MOST) {
        throw in.bad("more than %d abbreviations in one table".formatted(MOST));
      }
      table.grow();
      table.codes[table.count] = code;
      table.inOrder &= code == table.count + 1;
      table.tags[table.count] = in.small("tag");
      table.children[table.count] = in.u8("has_children") != 0;
      for (; ; all++) {
        int attribute = in.small("attribute");
        int form = in.small("form");
        if (attribute == 0 && form == 0) {
          break;
        }
        if (all == MOST_ATTRIBUTES) {
          throw in.bad("more than %d attributes in one table".formatted(MOST_ATTRIBUTES));
        }
        if (all == table.forms.length) {
          table.attributes = Arrays.copyOf(table.attributes, 2 * all);
          table.forms = Arrays.copyOf(table.forms, 2 * all);
          table.values = Arrays.copyOf(table.values, 2 * all);
        }
        table.attributes[all] = attribute;
        table.forms[all] = form;
        table.values[all] = form == DwarfCursor.FORM_IMPLICIT_CONST ? in.sleb("value") : 0;
      }
      table.first[++table.count] = all;
    }
    for (int i = 0; i < table.count && !table.inOrder; i++) {
      table.lines.putIfAbsent(table.codes[i], i);
    }
    return table;
  }

  private void grow() {
    if (count == codes.length) {
      codes = Arrays.copyOf(codes, 2 * count);
      tags = Arrays.copyOf(tags, 2 * count);
      children = Arrays.copyOf(children, 2 * count);
      first = Arrays.copyOf(first, 2 * count + 1);
    }
  }

  /** The number of a code's line, -1 when there is none. Compilers count the codes from 1. */
  int line(int code) {
    if (inOrder) {
      return code > 0 && code <= count ? code - 1 : -1;
    }
    return lines.getOrDefault(code, -1);
  }

  int tag(int line) {
    return tags[line];
  }

  boolean children(int line) {
    return children[line];
  }

  /** The first attribute of a line; that of the next line is behind its last. */
  int first(int line) {
    return first[line];
  }

  int attribute(int i) {
    return attributes[i];
  }

  int form(int i) {
    return forms[i];
  }

  /** Of DW_FORM_implicit_const. */
  long value(int i) {
    return values[i];
  }
}
