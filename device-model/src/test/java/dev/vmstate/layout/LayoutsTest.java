package dev.vmstate.layout;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vmstate.bytes.ByteSource;
import dev.vmstate.bytes.Span;
import dev.vmstate.device.Field;
import dev.vmstate.device.Meaning;
import dev.vmstate.device.SectionDecoder;
import java.io.IOException;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class LayoutsTest {
  private static final int START = 3;

  /** A section with one field {@code f} of type {@code blob}, refined. */
  private static Field refined(String table, String hex) throws IOException {
    byte[] payload = HexFormat.of().parseHex(hex.replace(" ", ""));
    byte[] bytes = new byte[START + payload.length + 2];
    System.arraycopy(payload, 0, bytes, START, payload.length);
    Span span = new Span(START, payload.length);
    Field.Group root =
        new Field.Group(
            "dev",
            -1,
            Field.GroupKind.SECTION,
            "dev",
            1,
            span,
            span,
            List.of(new Field.Raw("f", -1, "blob", span)));
    Field.Group done =
        Layouts.of(table)
            .refine(
                ByteSource.of("a.mig", bytes),
                "0000:00:03.0/dev",
                root,
                new SectionDecoder.Budget());
    assertEquals(root.span(), done.span());
    return done.children().get(0);
  }

  /** The tree as text; it must tile. */
  private static String shown(Field field) {
    if (field instanceof Field.Group group) {
      long at = group.body().offset();
      StringBuilder text = new StringBuilder(group.label() + "{");
      for (Field child : group.children()) {
        assertEquals(at, child.span().offset(), child.label());
        at = child.span().end();
        text.append(text.charAt(text.length() - 1) == '{' ? "" : " ").append(shown(child));
      }
      assertEquals(at, group.body().end());
      return text + "}";
    }
    if (field instanceof Field.Scalar scalar) {
      return scalar.label() + "=" + scalar.type().format(scalar.value());
    }
    if (field instanceof Field.Raw raw) {
      return "%s:%s(%d)".formatted(raw.label(), raw.type(), raw.span().length());
    }
    Field.Array array = (Field.Array) field;
    return "%s:%s*%d".formatted(array.label(), array.type().name(), array.count());
  }

  private static String refined(String hex, String... items) throws IOException {
    return shown(refined("layout l {\n type blob\n" + String.join("\n", items) + "\n}", hex));
  }

  private static String refusal(String hex, String... items) throws IOException {
    Field field = refined("layout l {\n type blob\n" + String.join("\n", items) + "\n}", hex);
    assertTrue(field instanceof Field.Raw, () -> shown(field));
    return ((Field.Raw) field).note();
  }

  @Test
  void numbersStandInEitherOrder() throws Exception {
    assertEquals(
        "f{a=258 b=513 c=-2 d=4}",
        refined("0102 0102 fffe 04000000", "uint16 a", "le16 b", "int16 c", "le32 d"));
    assertEquals("f{big=1 n=258}", refined("01 0102", "uint8 big", "guest16 n"));
    assertEquals("f{big=0 n=513}", refined("00 0102", "uint8 big", "guest16 n"));
  }

  @Test
  void lengthsAndCountsComeFromFieldsBefore() throws Exception {
    assertEquals(
        "f{n=2 v[0]{k=5} v[1]{k=6} b:buffer(1) w:uint16*2}",
        refined(
            "02 05 06 ff 00010002",
            "uint8 n",
            "group v[n] {",
            "uint8 k",
            "}",
            "buffer b[n - 1]",
            "uint16 w[2]"));
    assertEquals("f{n=0}", refined("00", "uint8 n", "buffer b[n]", "uint16 w[n]"));
  }

  @Test
  void conditionsLookIntoGroupsThatAreComplete() throws Exception {
    String[] items = {
      "group g {", "uint8 x", "}", "if g.x & 4 != 0 {", "uint8 y", "}", "else {", "uint16 z", "}"
    };
    assertEquals("f{g{x=4} y=7}", refined("04 07", items));
    assertEquals("f{g{x=3} z=7}", refined("03 0007", items));
  }

  @Test
  void groupsRepeatWhileTheBytesSaySo() throws Exception {
    assertEquals(
        "f{r[0]{more=1 v=7} r[1]{more=1 v=8} end=0}",
        refined(
            "01 07 01 08 00",
            "while u8(here) == 1 r {",
            "uint8 more",
            "uint8 v",
            "}",
            "uint8 end = 0"));
  }

  @Test
  void whatIsLeftEqualIsKeptTogether() throws Exception {
    String[] items = {"group v[8] fold 1 {", "uint8 k", "}"};
    assertEquals(
        "f{v[0]{k=5} v[1]{k=6} unused_v[2..7]:unused(6)}", refined("0506000000000000", items));
    // One in use stands by itself, even when it is like those that are not.
    assertEquals("f{v[0]{k=1} unused_v[1..7]:unused(7)}", refined("0101010101010101", items));
    assertEquals(
        "f{v[0]{k=0} v[1]{k=0} v[2]{k=0} v[3]{k=0} v[4]{k=0} v[5]{k=0} v[6]{k=0} v[7]{k=1}}",
        refined("0000000000000001", items));
  }

  @Test
  void aSubsectionMayBeThereOrNot() throws Exception {
    String[] items = {
      "uint8 a",
      "subsection \"d/x\" 1 as x needed \"s->x\" if a == 1 {",
      "uint16 v",
      "}",
      "if has(x) {",
      "uint8 b",
      "}"
    };
    assertEquals("f{a=1 d/x{v=9} b=3}", refined("01 05 03 642f78 00000001 0009 03", items));
    assertEquals("f{a=1}", refined("01", items));
    assertTrue(refusal("01 05 03 642f78 00000002 0009 03", items).contains("'d/x' is version 2"));
  }

  @Test
  void overlaysKeepWhatNobodyNames() throws Exception {
    assertEquals(
        "f{a=1 bytes_0x01:unused(1) b=2 bytes_0x03:unnamed(2)}",
        refined(
            "01 00 02 00 09", "overlay size {", "@2 uint8 b", "@0 uint8 a", "@0 uint8 again", "}"));
    assertEquals(
        "f{o{bytes_0x00:unnamed(1) b=2} z=3}",
        refined("01 02 03", "overlay o 2 {", "@1 uint8 b", "}", "uint8 z"));
  }

  private static final String CHAIN =
      """
      layout l {
        type blob
        overlay size {
          @0 uint8 first
          chain first first id u8(at) next u8(at + 1) in 1..7 {
            1 one
            2 two
            else other
          }
        }
      }
      struct one {
        uint8 id
        uint8 next
        uint8 v
      }
      struct two {
        uint8 id
        uint8 next
        buffer far[100]
      }
      struct other {
        uint8 id
        uint8 next
      }
      """;

  @Test
  void chainsEndAtLoopsAndAtPointersThatLeadOut() throws Exception {
    assertEquals(
        "f{first=4 one[0]{id=1 next=4 v=9} one[1]{id=1 next=1 v=8} bytes_0x07:unused(1)}",
        shown(refined(CHAIN, "04 01 04 09 01 01 08 00")));
    assertEquals(
        "f{first=1 other{id=3 next=255} bytes_0x03:unused(5)}",
        shown(refined(CHAIN, "01 03 ff 00 00 00 00 00")));
    // A structure that reaches over the end stays bytes, and the list goes on behind it.
    assertEquals(
        "f{first=1 bytes_0x01:unnamed(3) one{id=1 next=0 v=7} bytes_0x07:unused(1)}",
        shown(refined(CHAIN, "01 02 04 ff 01 00 07 00")));
  }

  @Test
  void whatDoesNotFitStaysBytesAndSaysWhere() throws Exception {
    assertEquals(
        "a.mig: 0000:00:03.0/dev: layout l: at offset 0x4: 0x1 bytes are left",
        refusal("0102", "uint8 a"));
    assertTrue(
        refusal("01", "uint16 a").contains("at offset 0x3: 'a' needs 1 times 2 bytes, 1 left"));
    assertTrue(refusal("07", "uint8 a = 8").contains("at offset 0x3: 'a' is 0x7, expected 0x8"));
    assertTrue(refusal("02", "bool a").contains("'a' is 2, neither 0 nor 1"));
    assertTrue(refusal("00010002", "uint16 a[2] in 0..1").contains("expected 0x0 to 0x1"));
    assertTrue(refusal("ff", "uint8 n", "group g[n] {", "uint8 a", "}").contains("'g' has 255"));
    assertTrue(refusal("ff", "int8 n", "buffer b[n]").contains("'b' needs -1 times"));
    assertTrue(refusal("ff", "uint8 n", "check n < 4 \"too much\"").endsWith("too much"));
    assertTrue(refusal("ff", "while 1 g {", "}").contains("'g' has no end"));
    assertTrue(refusal("00", "uint8 n", "let q = 5 / n").contains("division by zero"));
    assertTrue(refusal("00", "let q = u8(1)").contains("offset 0x1 is outside"));
  }

  @Test
  void layoutsAreTriedInOrderAndWithEveryValue() throws Exception {
    String two = "layout a {\n type blob\n uint8 x = 1\n}\nlayout b {\n type blob\n uint8 y\n}";
    assertEquals("f{x=1}", shown(refined(two, "01")));
    assertEquals("f{y=2}", shown(refined(two, "02")));
    String tries = "layout a {\n type blob\n try n 1 2 3\n uint8 x[n]\n}";
    assertEquals("f{x:uint8*3}", shown(refined(tries, "010203")));
    for (String other : List.of("type other", "type blob\ndevice other", "type blob\nfield g")) {
      Field field = refined("layout a {\n" + other + "\n uint8 x\n}", "01");
      assertEquals(new Field.Raw("f", -1, "blob", field.span()), field);
    }
    assertEquals("f{x=1}", shown(refined("layout a {\ndevice d*v\nuint8 x\n}", "01")));
    assertEquals("f{x=1}", shown(refined("layout a {\ndevice \"*:03.0/dev\"\nuint8 x\n}", "01")));
  }

  @Test
  void bitsTightenBeforeComparisonsAndSumsBeforeBits() throws Exception {
    assertEquals(
        "f{a=1}",
        refined(
            "01",
            "uint8 a",
            "check 6 & 4 == 4 && 1 + 2 * 3 == 7 && 1 << 2 + 1 == 8 && !(3 < 2) \"no\"",
            "check (a == 1 ? 5 : 6) == 5 && -1 < 0 && ~0 == -1 && 7 % 4 | 8 == 11 \"no\""));
  }

  @Test
  void namesAreTiedToNumbers() throws Exception {
    Field.Group group =
        (Field.Group)
            refined(
                "layout l {\ntype blob\nalias feats mine\nuint8 a\nbit IO=0 SPEED=4-6\n"
                    + "values SPEED.FAST=3\nhelp \"what it is\"\nuint8 b\nvalues ON=1 OFF=0\n"
                    + "uint32 c[2]\nelement 0 like ?feats\nelement 1 like ?feats high\n"
                    + "element 1 name second\n}\nmeaning mine {\nbit LOW=2 HIGH=34\n}",
                "b1 01 00000004 00000004");
    Meaning a = group.children().get(0).meaning(-1).orElseThrow();
    assertEquals("IO|SPEED=FAST|0x80", a.format(0xb1));
    assertEquals("what it is", a.help());
    assertEquals("ON", group.children().get(1).meaning(-1).orElseThrow().format(1));
    assertEquals("", group.children().get(1).meaning(-1).orElseThrow().format(2));
    Field c = group.children().get(2);
    assertEquals("LOW", c.meaning(0).orElseThrow().format(4));
    assertEquals("HIGH", c.meaning(1).orElseThrow().format(4));
    assertEquals("second", c.meaning(1).orElseThrow().name());
    assertEquals(Optional.empty(), c.meaning(-1));
  }

  @Test
  void aPersonMayWriteNamesOrNumbers() {
    Meaning meaning =
        new Meaning(
            "",
            List.of(new Meaning.Bits("IO", 1), new Meaning.Bits("SPEED", 0x70)),
            java.util.Map.of("SPEED.FAST", 3L, "RESET", 0xffL),
            "");
    assertEquals(0x31, meaning.parse("IO|SPEED=FAST", 0));
    assertEquals(0xb1, meaning.parse("IO SPEED=3 0x80", 0x0f));
    assertEquals(0x11, meaning.parse("-SPEED +SPEED=1", 0x31));
    assertEquals(0x30, meaning.parse("-IO", 0x31));
    assertEquals(0xff, meaning.parse("RESET", 0));
    assertEquals(0, meaning.parse("0", 0x31));
    for (String bad : List.of("NONE", "+IO SPEED=1", "SPEED", "SPEED=8", "SPEED=SLOW", "")) {
      assertThrows(IllegalArgumentException.class, () -> meaning.parse(bad, 0), bad);
    }
  }

  @Test
  void anAddressIsReadWhereItStands() {
    Meaning bar =
        new Meaning(
            "",
            List.of(new Meaning.Bits("IO", 1), new Meaning.Bits("ADDRESS", 0xffff_fff0L, true)),
            java.util.Map.of(),
            "");
    assertEquals("IO|ADDRESS=0xc040", bar.format(0xc041));
    assertEquals(0xfebf_9001L, bar.parse("ADDRESS=0xfebf9000 IO", 0));
    assertEquals(0xfebf_a001L, bar.parse("+ADDRESS=0xfebfa000", 0xfebf_9001L));
    for (String bad : List.of("ADDRESS=0xfebf9004", "ADDRESS=0x100000000")) {
      assertThrows(IllegalArgumentException.class, () -> bar.parse(bad, 0), bad);
    }
  }

  @Test
  void namesForFieldsOfVmdescAreFoundByPath() throws Exception {
    Layouts layouts =
        Layouts.of(
            """
            names dev {
              field mac_reg[STATUS]
                bit LU=1
              field regs[2] CTRL
                bit RST=26
              field q[*]/len
                help "length"
            }
            """);
    Span span = new Span(0, 20);
    var u32 = dev.vmstate.device.ScalarType.of("uint32").orElseThrow();
    Field len = new Field.Scalar("len", -1, u32, new Span(16, 4), 0);
    Field.Group q =
        new Field.Group(
            "q", 3, Field.GroupKind.STRUCT, "q", 1, len.span(), len.span(), List.of(len));
    Field.Group root =
        new Field.Group(
            "dev",
            -1,
            Field.GroupKind.SECTION,
            "dev",
            1,
            span,
            span,
            List.of(
                new Field.Scalar("mac_reg[STATUS]", -1, u32, new Span(0, 4), 2),
                new Field.Array("regs", -1, u32, 3, new Span(4, 12)),
                q));
    Field.Group done =
        layouts.refine(
            ByteSource.of("a", new byte[20]),
            "0000:00:03.0/dev",
            root,
            new SectionDecoder.Budget());
    assertEquals("LU", done.children().get(0).meaning(-1).orElseThrow().format(2));
    assertEquals("CTRL", done.children().get(1).meaning(2).orElseThrow().name());
    assertEquals(Optional.empty(), done.children().get(1).meaning(1));
    Field.Group group = (Field.Group) done.children().get(2);
    assertEquals("length", group.children().get(0).meaning(-1).orElseThrow().help());
    assertEquals(
        root,
        layouts.refine(
            ByteSource.of("a", new byte[20]),
            "0000:00:03.0/e2",
            root,
            new SectionDecoder.Budget()));
  }

  @Test
  void aTableWithAMistakeSaysWhere() {
    for (String bad :
        List.of(
            "layout l {",
            "layout l {\nuint8\n}",
            "layout l {\nuint8 a [\n}",
            "layout l {\n\"uint9\" a\n}",
            "layout l {\nuint8 a $\n}",
            "struct s {\nuint8 a\nuint8 a\n}",
            "meaning m {\nbit A\n}",
            "names d {\nuint8 a\n}",
            "what")) {
      IllegalArgumentException e =
          assertThrows(IllegalArgumentException.class, () -> Layouts.of(bad), bad);
      assertTrue(String.valueOf(e.getMessage()).startsWith("text line "), e.getMessage());
    }
  }

  @Test
  void theBuiltInTablesAreWellFormed() {
    Layouts.builtIn();
  }
}
