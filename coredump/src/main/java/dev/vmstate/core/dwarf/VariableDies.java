package dev.vmstate.core.dwarf;

import dev.vmstate.core.dwarf.DebugInfo.Variable;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Variables of one unit, and the pointers and arrays that only they need. */
final class VariableDies {
  private static final int OP_ADDR = 0x03;

  private final LittleBytes out;
  private final LittleBytes strings;
  private final TypeDies dies;
  private final int wordBytes;

  /** Entries made here: of what, how often a pointer, how many elements. */
  private final Map<List<Long>, Integer> made = new HashMap<>();

  VariableDies(LittleBytes out, LittleBytes strings, TypeDies dies, int wordBytes) {
    this.out = out;
    this.strings = strings;
    this.dies = dies;
    this.wordBytes = wordBytes;
  }

  void write(List<Variable> variables) {
    for (Variable variable : variables) {
      int name = strings.string(variable.name());
      int type = 0;
      if (variable.pointers() > 0 || variable.elements() >= 0) {
        type = derived(variable.type(), variable.pointers(), variable.elements());
      }
      DieShape shape = variable.external() ? DieShape.EXTERNAL_VARIABLE : DieShape.VARIABLE;
      if (type == 0) {
        dies.head(shape, 0, variable.type(), false, name);
      } else {
        dies.headOf(shape, name, type, false);
      }
      out.uleb(1 + wordBytes).u8(OP_ADDR).number(wordBytes, variable.address());
    }
  }

  private int derived(int type, int pointers, long elements) {
    List<Long> key = List.of((long) type, (long) pointers, elements);
    Integer known = made.get(key);
    if (known != null) {
      return known;
    }
    int die;
    if (elements >= 0) {
      int of = pointers > 0 ? derived(type, pointers, -1) : 0;
      die = out.size();
      if (of == 0) {
        dies.head(DieShape.ARRAY, 0, type, true);
      } else {
        dies.headOf(DieShape.ARRAY, 0, of, true);
      }
      DieShape range = elements == 0 ? DieShape.UNBOUNDED_SUBRANGE : DieShape.SUBRANGE;
      dies.head(range, 0, 0, false);
      if (elements != 0) {
        out.uleb(elements);
      }
      out.u8(0);
    } else {
      int of = pointers > 1 ? derived(type, pointers - 1, -1) : 0;
      die = out.size();
      if (of == 0) {
        dies.head(DieShape.POINTER, 0, type, false);
      } else {
        dies.headOf(DieShape.POINTER, 0, of, false);
      }
      out.u8(wordBytes);
    }
    made.put(key, die);
    return die;
  }
}
