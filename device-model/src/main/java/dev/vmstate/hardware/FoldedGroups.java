package dev.vmstate.hardware;

import dev.vmstate.device.DeviceSection;
import dev.vmstate.device.Field;
import java.io.IOException;
import java.util.List;

/**
 * Structs of one name that follow each other with the same content: the document has the first of
 * them and says which is the last. Hot-plug slots, queues and commands stand by the hundred, mostly
 * unused.
 */
final class FoldedGroups {
  private static final int BLOCK = 1 << 12;

  private FoldedGroups() {}

  /** How many fields from {@code at} on are the same, the first included. */
  static int run(DeviceSection section, List<Field> fields, int at) throws IOException {
    int end = at + 1;
    if (fields.get(at) instanceof Field.Group first
        && first.kind() == Field.GroupKind.STRUCT
        && first.index() >= 0) {
      while (end < fields.size()
          && fields.get(end) instanceof Field.Group next
          && next.index() == first.index() + (end - at)
          && alike(first, next)
          && sameBytes(section, first, next)) {
        end++;
      }
    }
    return end - at;
  }

  /** Same kind, name, type and length, and so on below; where they stand does not matter. */
  private static boolean alike(Field a, Field b) {
    if (!a.name().equals(b.name()) || a.span().length() != b.span().length()) {
      return false;
    }
    if (a instanceof Field.Group inA && b instanceof Field.Group inB) {
      if (inA.kind() != inB.kind()
          || !inA.vmsd().equals(inB.vmsd())
          || inA.version() != inB.version()
          || inA.children().size() != inB.children().size()
          || inA.body().offset() - inA.span().offset()
              != inB.body().offset() - inB.span().offset()) {
        return false;
      }
      for (int i = 0; i < inA.children().size(); i++) {
        Field childA = inA.children().get(i);
        Field childB = inB.children().get(i);
        if (childA.index() != childB.index()
            || childA.span().offset() - a.span().offset()
                != childB.span().offset() - b.span().offset()
            || !alike(childA, childB)) {
          return false;
        }
      }
      return true;
    }
    if (a instanceof Field.Scalar inA && b instanceof Field.Scalar inB) {
      return inA.type().equals(inB.type()) && inA.meaning(-1).equals(inB.meaning(-1));
    }
    if (a instanceof Field.Array inA && b instanceof Field.Array inB) {
      return inA.type().equals(inB.type())
          && inA.count() == inB.count()
          && java.util.Objects.equals(inA.named(), inB.named());
    }
    return a instanceof Field.Raw inA
        && b instanceof Field.Raw inB
        && inA.type().equals(inB.type());
  }

  private static boolean sameBytes(DeviceSection section, Field a, Field b) throws IOException {
    for (long at = 0; at < a.span().length(); at += BLOCK) {
      long length = Math.min(BLOCK, a.span().length() - at);
      if (!java.util.Arrays.equals(
          section.source().bytes(a.span().at(at, length)),
          section.source().bytes(b.span().at(at, length)))) {
        return false;
      }
    }
    return true;
  }
}
