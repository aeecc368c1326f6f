package dev.vmstate.device;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vmstate.bytes.Patch;
import dev.vmstate.bytes.Span;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HexFormat;
import java.util.List;
import java.util.Random;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class EditSetTest {
  static LongStream seeds() {
    Long one = Long.getLong("vmstate.seed");
    return one != null ? LongStream.of(one) : LongStream.range(0, 200);
  }

  private static FieldEdit edit(String path, long at, String before, String after) {
    HexFormat hex = HexFormat.of();
    return FieldEdit.of(
        path,
        new Span(at, before.length() / 2),
        hex.parseHex(before),
        hex.parseHex(after),
        "line of " + path);
  }

  private static String text(List<Patch> patches) {
    StringBuilder text = new StringBuilder();
    for (Patch patch : patches) {
      byte[] bytes = new byte[patch.with().remaining()];
      patch.with().get(bytes);
      text.append(patch.where().offset()).append(':').append(HexFormat.of().formatHex(bytes));
      text.append(' ');
    }
    return text.toString().trim();
  }

  @Test
  void editsThatAgreeAreOneChange() throws Exception {
    EditSet edits = new EditSet();
    edits.add(edit("a", 10, "00000000", "00110000"));
    edits.add(edit("b", 11, "0000", "1100"));
    assertEquals(1, edits.edits().size());
    assertEquals("11:11", text(edits.patches()));
  }

  @Test
  void anEditThatChangesNothingIsNone() throws Exception {
    EditSet edits = new EditSet();
    edits.add(edit("a", 10, "0102", "0102"));
    assertTrue(edits.isEmpty());
    edits.add(edit("b", 10, "0102", "0103"));
    assertEquals("11:03", text(edits.patches()));
  }

  @Test
  void neighboursAreJoinedAndTheRestKeptApart() throws Exception {
    EditSet edits = new EditSet();
    edits.add(edit("c", 20, "00", "03"));
    edits.add(edit("b", 12, "0000", "0200"));
    edits.add(edit("a", 10, "0000", "0101"));
    assertEquals("10:010102 20:03", text(edits.patches()));
  }

  @Test
  void aConflictNamesBothEditsAndTheirValues() throws Exception {
    EditSet edits = new EditSet();
    edits.add(edit("nic mac", 10, "0000", "aa00"));
    EditConflictException e =
        assertThrows(
            EditConflictException.class, () -> edits.add(edit("mac_reg", 10, "0000", "bb00")));
    for (String part : List.of("nic mac", "mac_reg", "aa00", "bb00", "line of nic mac")) {
      assertTrue(e.getMessage().contains(part), e.getMessage());
    }
  }

  /** An edit of a register asks for its old bytes too; which edit comes first is no matter. */
  @Test
  void aByteThatAnEditLeavesAsItIsIsAskedForInAnyOrder() throws Exception {
    FieldEdit low = edit("register", 10, "00000000", "000000ff");
    FieldEdit other = edit("byte 0", 10, "00", "aa");
    for (List<FieldEdit> order : List.of(List.of(low, other), List.of(other, low))) {
      EditSet edits = new EditSet();
      edits.add(order.get(0));
      assertThrows(EditConflictException.class, () -> edits.add(order.get(1)));
    }
  }

  @ParameterizedTest(name = "-Dvmstate.seed={0}")
  @MethodSource("seeds")
  void patchesMakeTheBytesThatWereAskedForAndOrderDoesNotMatter(long seed) {
    Random random = new Random(seed);
    byte[] before = new byte[40];
    byte[] wanted = new byte[40];
    random.nextBytes(before);
    for (int i = 0; i < wanted.length; i++) {
      wanted[i] = random.nextInt(3) == 0 ? (byte) random.nextInt() : before[i];
    }
    List<FieldEdit> all = new ArrayList<>();
    boolean contradiction = random.nextInt(4) == 0;
    for (int n = random.nextInt(1, 8); n-- > 0; ) {
      int from = random.nextInt(before.length);
      int to = random.nextInt(from + 1, before.length + 1);
      all.add(
          FieldEdit.of(
              "f" + n,
              new Span(from, to - from),
              Arrays.copyOfRange(before, from, to),
              Arrays.copyOfRange(wanted, from, to),
              "test"));
    }
    if (contradiction) {
      FieldEdit first = all.get(0);
      byte[] other = first.after().array().clone();
      other[random.nextInt(other.length)] ^= 0x40;
      all.add(FieldEdit.of("odd", first.where(), first.before().array(), other, "test"));
      contradiction = first.changes() && all.get(all.size() - 1).changes();
    }
    String expected = null;
    for (int round = 0; round < 4; round++) {
      Collections.shuffle(all, random);
      String result;
      EditSet edits = new EditSet();
      try {
        edits.addAll(all);
        result = text(edits.patches());
        byte[] patched = before.clone();
        for (Patch patch : edits.patches()) {
          patch.with().get(patched, (int) patch.where().offset(), (int) patch.where().length());
        }
        for (FieldEdit edit : all) {
          int from = (int) edit.where().offset();
          if (edit.changes()) {
            assertEquals(
                edit.after(),
                new FieldEdit.Bytes(Arrays.copyOfRange(patched, from, (int) edit.where().end())));
          }
        }
      } catch (EditConflictException e) {
        result = "conflict";
      }
      assertEquals(expected == null ? result : expected, result);
      expected = result;
    }
    if (contradiction) {
      assertEquals("conflict", expected);
    }
  }
}
