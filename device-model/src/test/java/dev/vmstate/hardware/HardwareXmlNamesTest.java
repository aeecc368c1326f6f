package dev.vmstate.hardware;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vmstate.device.EditConflictException;
import dev.vmstate.device.FieldEdit;
import dev.vmstate.device.Meaning;
import java.io.IOException;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** Names beside numbers, elements of arrays, text, folded structs: what is derived and what not. */
class HardwareXmlNamesTest {
  private static final Meaning COMMAND =
      new Meaning(
          "",
          List.of(
              new Meaning.Bits("IO", 1),
              new Meaning.Bits("MEMORY", 2),
              new Meaning.Bits("MASTER", 4),
              new Meaning.Bits("SPEED", 0x30)),
          Map.of("SPEED.FAST", 2L),
          "");
  private static final Meaning CLASS =
      new Meaning("", List.of(), Map.of("ETHERNET", 0x200L, "OTHER", 0x280L, "NONE", 0L), "");

  private final HardwareState state;
  private final String document;

  HardwareXmlNamesTest() throws IOException {
    MachineBuilder machine =
        new MachineBuilder()
            .device("cpu", 0, 12)
            .scalar("cr0", "uint64", 0x80050033L)
            .register("cr0")
            .scalar("cs.selector", "uint32", 8)
            .register("cs.selector")
            .scalar("cs.flags", "uint32", 0xa09b00)
            .register("cs.flags")
            .device("card", 0, 1)
            .scalar("command", "le16", 0x107)
            .named(-1, COMMAND)
            .scalar("quiet", "uint32", 0)
            .named(-1, COMMAND)
            .scalar("class", "uint16", 0x200)
            .named(-1, CLASS)
            .scalar("other class", "uint16", 0x999)
            .named(-1, CLASS)
            .scalar("irq", "int32", -1)
            .named(-1, new Meaning("", List.of(), Map.of("NONE", -1L), ""))
            .array("regs", "uint32", 0, 7, 0, 5, 0, 0, 0x12)
            .named(1, new Meaning("STATUS", COMMAND.bits(), COMMAND.values(), ""))
            .named(3, new Meaning("PLAIN", List.of(), Map.of(), ""))
            .named(4, new Meaning("ZERO", COMMAND.bits(), Map.of(), ""))
            .raw("serial", "text", 'Q', 'M', ' ', '1', '\\', '"', 0, 0)
            .raw("not text", "text", 'Q', 0, 'M');
    for (int i = 0; i < 300; i++) {
      machine.struct("slot", i, "slot").scalar("up", "uint32", 0);
      machine.array("pair", "uint8", 1, i == 200 ? 9 : 2).end();
    }
    state = machine.build();
    document = Documents.write(state);
  }

  private List<FieldEdit> edits(String from, String to) throws IOException {
    return Documents.edits(Documents.change(document, from, to), state);
  }

  private void oneEdit(String from, String to, String path, String after) throws IOException {
    List<FieldEdit> edits = edits(from, to);
    assertEquals(1, edits.size(), edits::toString);
    assertEquals(path, edits.get(0).path());
    assertEquals(after, HexFormat.of().formatHex(edits.get(0).after().array()));
  }

  private String refused(String from, String to) {
    return assertThrows(HardwareXmlException.class, () -> edits(from, to)).getMessage();
  }

  private void has(String line) {
    assertTrue(document.contains(line), document);
  }

  @Test
  void theNumbersStandWithTheirNames() throws Exception {
    has("<register name=\"cr0\" value=\"0x80050033\" bits=\"PE MP ET NE WP AM PG\"/>");
    has("flags=\"0xa09b00\" bits=\"A RW CODE S P L G\"/>");
    has("<int name=\"command\" type=\"le16\" value=\"0x107\" bits=\"IO MEMORY MASTER 0x100\"/>");
    has("<int name=\"quiet\" type=\"uint32\" value=\"0x0\" bits=\"\"/>");
    has("<int name=\"class\" type=\"uint16\" value=\"0x200\" means=\"ETHERNET\"/>");
    has("<int name=\"other class\" type=\"uint16\" value=\"0x999\"/>");
    has("<int name=\"irq\" type=\"int32\" value=\"-1\" means=\"NONE\"/>");
    has("<element index=\"1\" name=\"STATUS\" value=\"0x7\" bits=\"IO MEMORY MASTER\"/>");
    has("<element index=\"3\" name=\"PLAIN\" value=\"5\"/>");
    assertTrue(!document.contains("ZERO"), document);
    has("<text name=\"serial\" type=\"text\" size=\"8\" value=\"QM 1\\\\&quot;\"/>");
    has("<bytes name=\"not text\" type=\"text\" size=\"3\">51 00 4d</bytes>");
    Documents.validate(document);
    assertEquals(List.of(), Documents.edits(document, state));
    List<DevicePayload> payloads = Documents.payloads(document);
    for (int i = 0; i < payloads.size(); i++) {
      assertArrayEquals(
          state.devices().get(i).source().bytes(state.devices().get(i).payload()),
          payloads.get(i).payload().array());
    }
  }

  @Test
  void namesMayBeEditedInsteadOfTheNumber() throws Exception {
    oneEdit("\"IO MEMORY MASTER 0x100\"", "\"IO|MASTER SPEED=FAST\"", "card/command", "2500");
    oneEdit("\"IO MEMORY MASTER 0x100\"", "\"\"", "card/command", "0000");
    oneEdit("value=\"0x107\"", "value=\"0x702\"", "card/command", "0207");
    oneEdit("means=\"ETHERNET\"", "means=\"OTHER\"", "card/class", "0280");
    oneEdit("value=\"0x999\"", "value=\"0x999\" means=\"OTHER\"", "card/other class", "0280");
    oneEdit("value=\"0x200\" means=\"ETHERNET\"", "value=\"0x201\"", "card/class", "0201");
    oneEdit("\"PE MP ET NE WP AM PG\"", "\"PE ET\"", "cpu[0]/cr0", "0000000000000011");
    oneEdit("\"A RW CODE S P L G\"", "\"S P DPL=3\"", "cpu[0]/cs.flags", "0000f000");
    oneEdit("\"IO MEMORY MASTER\"", "\"SPEED=1\"", "card/regs[1]", "00000010");
  }

  @Test
  void bothMayBeEditedToTheSame() throws Exception {
    oneEdit(
        "value=\"0x107\" bits=\"IO MEMORY MASTER 0x100\"",
        "value=\"0x105\" bits=\"IO MASTER 0x100\"",
        "card/command",
        "0501");
    String element = "value=\"0x7\" bits=\"IO MEMORY MASTER\"";
    String both = Documents.change(document, element, "value=\"3\" bits=\"IO MEMORY\"");
    both = Documents.change(both, "0x0 0x7 0x0", "0x0 0x3 0x0");
    assertEquals(1, Documents.edits(both, state).size());
  }

  @Test
  void whatContradictsIsRefusedWithBothPlaces() {
    String error =
        refused(
            "value=\"0x107\" bits=\"IO MEMORY MASTER 0x100\"",
            "value=\"0x105\" bits=\"IO MASTER SPEED=FAST\"");
    assertEquals(
        "hardware.xml: line %d: device 'card', field 'command': value is 0x105, but bits='IO MASTER"
                .formatted(Documents.line(document, "name=\"command\""))
            + " SPEED=FAST' on the same line means 0x25: change one of the two",
        error);
    error =
        refused("value=\"0x80050033\" bits=\"PE MP ET NE WP AM PG\"", "value=\"0x11\" bits=\"PE\"");
    assertTrue(error.contains("cpu 0, register 'cr0': value is 0x11, but bits='PE'"), error);
    String twice = Documents.change(document, "\"IO MEMORY MASTER\"", "\"IO\"");
    String array = Documents.change(twice, "0x0 0x7 0x0", "0x0 0x3 0x0");
    lines(array, "name=\"regs\"", "name=\"STATUS\"");
    String cpu = Documents.change(document, "\"PE MP ET NE WP AM PG\"", "\"PE ET\"");
    cpu =
        Documents.change(
            cpu,
            "<int name=\"cr0\" type=\"uint64\" value=\"0x80050033\"/>",
            "<int name=\"cr0\" type=\"uint64\" value=\"0x33\"/>");
    lines(cpu, "<register name=\"cr0\"", "<int name=\"cr0\"");
  }

  private void lines(String changed, String first, String second) {
    EditConflictException e =
        assertThrows(EditConflictException.class, () -> Documents.edits(changed, state));
    for (String place : List.of(first, second)) {
      String line = "hardware.xml line " + Documents.line(document, place) + " ";
      assertTrue(e.getMessage().contains(line), e.getMessage());
    }
  }

  @Test
  void aNameThatThereIsNotIsRefusedWithThoseThereAre() {
    assertTrue(
        refused("\"IO MEMORY MASTER 0x100\"", "\"IO MASTR\"")
            .endsWith(
                "field 'command': bits: 'MASTR' is none of [IO, MEMORY, MASTER, SPEED,"
                    + " SPEED.FAST]"));
    assertTrue(
        refused("\"IO MEMORY MASTER 0x100\"", "\"0x10000\"").endsWith("does not fit 16 bits"));
    assertTrue(
        refused("\"IO MEMORY MASTER 0x100\"", "\"SPEED=4\"")
            .endsWith("SPEED=4 does not fit its bits"));
    String missing = refused("\"IO MEMORY MASTER 0x100\"", "\"IO\" means=\"x\"");
    assertTrue(missing.endsWith("together: a number has one of them"), missing);
    assertTrue(refused("name=\"STATUS\"", "name=\"STATE\"").contains("name is 'STATE'"));
    assertTrue(refused("<element index=\"3\"", "<element index=\"7\"").contains("has 7 values"));
    assertTrue(refused("<element index=\"3\"", "<element index=\"-3\"").contains("has 7 values"));
    assertTrue(
        refused(
                "name=\"up\" type=\"uint32\" value=\"0\"/>\n      <ints name=\"pair\" type=\"uint8\""
                    + " count=\"2\">0x1 0x9",
                "name=\"up\" type=\"uint32\" value=\"0\" bits=\"X\"/>\n"
                    + " <ints name=\"pair\" type=\"uint8\" count=\"2\">0x1 0x9")
            .contains("nothing in it has a name"));
  }

  @Test
  void elementsMayBeLeftOut() throws Exception {
    String without = document.replaceAll(" *<element [^>]*>\n", "");
    assertTrue(!without.contains("<element "));
    assertEquals(List.of(), Documents.edits(without, state));
    String before =
        Documents.change(document, "<int name=\"quiet\"", "<element/><int name=\"quiet\"");
    assertThrows(HardwareXmlException.class, () -> Documents.edits(before, state));
  }

  @Test
  void textIsEditedAsText() throws Exception {
    oneEdit("\"QM 1\\\\&quot;\"", "\"a\\x00b\"", "card/serial", "6100620000000000");
    oneEdit("\"QM 1\\\\&quot;\"", "\"12345678\"", "card/serial", "3132333435363738");
    assertTrue(
        refused("\"QM 1\\\\&quot;\"", "\"123456789\"")
            .endsWith("value: 9 characters where 8 have room"));
    assertTrue(refused("\"QM 1\\\\&quot;\"", "\"\u20ac\"").contains("is no byte"));
  }

  @Test
  void structsThatAreAlikeStandOnce() throws Exception {
    has("<struct name=\"slot\" index=\"0\" last=\"199\" type=\"slot\">");
    has("<struct name=\"slot\" index=\"200\" type=\"slot\">");
    has("<struct name=\"slot\" index=\"201\" last=\"299\" type=\"slot\">");
    assertTrue(document.length() < 8000, document);
    String first =
        "last=\"199\" type=\"slot\">\n      <int name=\"up\" type=\"uint32\" value=\"0\"/>";
    List<FieldEdit> all = edits(first, first.replace("value=\"0\"", "value=\"5\""));
    assertEquals(200, all.size());
    assertEquals("card/slot[199]/up", all.get(199).path());
    String slots = slots(201, 299, 0, 2);
    assertTrue(document.contains(slots), document);
    List<FieldEdit> one =
        edits(slots, slots(201, 249, 0, 2) + slots(250, 250, 7, 3) + slots(251, 299, 0, 2));
    assertEquals(
        List.of("card/slot[250]/up", "card/slot[250]/pair[1]"),
        one.stream().map(FieldEdit::path).toList());
    assertTrue(
        refused("last=\"299\"", "last=\"298\"").contains("'slot[299]' is missing before this end"));
    assertTrue(refused("last=\"299\"", "last=\"300\"").contains("the snapshot has no such field"));
    assertTrue(refused("last=\"299\"", "last=\"200\"").contains("no number from 201"));
    assertTrue(refused("index=\"0\" last=\"199\"", "last=\"199\"").contains("without 'index'"));
  }

  private static String slots(int first, int last, int up, int second) {
    return """
            <struct name="slot" index="%d"%s type="slot">
              <int name="up" type="uint32" value="%d"/>
              <ints name="pair" type="uint8" count="2">0x1 0x%d</ints>
            </struct>
        """
        .formatted(first, first == last ? "" : " last=\"%d\"".formatted(last), up, second);
  }

  /** A document of a few lines must not keep the reader busy for hours. */
  @Test
  void foldsWithinFoldsAreLimited() {
    StringBuilder bomb = new StringBuilder();
    for (int i = 0; i < 10; i++) {
      bomb.append("<struct name=\"s\" index=\"0\" last=\"999\" type=\"t\">");
    }
    bomb.append("<struct name=\"s\" index=\"0\" type=\"t\"/>").append("</struct>".repeat(10));
    String changed =
        Documents.change(document, "<int name=\"command\"", bomb + "<int name=\"command\"");
    HardwareXmlException e =
        assertThrows(HardwareXmlException.class, () -> Documents.payloads(changed));
    assertTrue(e.getMessage().contains("1048576 values"), e.getMessage());
    String wide =
        Documents.change(
            document, "index=\"201\" last=\"299\"", "index=\"201\" last=\"2147483647\"");
    assertThrows(HardwareXmlException.class, () -> Documents.payloads(wide));
  }

  @Test
  void commentsWhiteSpaceAndTheOrderOfAttributesAreNotRead() throws Exception {
    int body = document.indexOf("<machine");
    String mine =
        document
            .substring(body)
            .replaceAll(
                "<int (name=\"[^\"]*\") (type=\"[^\"]*\") (value=\"[^\"]*\")",
                "<int\n $3\t$1\n  $2")
            .replaceAll("(?m)^( *)<", "$1  <!-- mine: <x/> & --><")
            .replace("\"/>", "\" ></int>")
            .replaceAll("(<(text|register|segment|block|element)[^<]*)></int>", "$1/>")
            .replace("bits=\"IO MEMORY MASTER\"", "bits=\"MASTER|IO,\n MEMORY\"");
    mine = document.substring(0, body) + mine;
    assertTrue(mine.length() > document.length() + 1000);
    assertEquals(List.of(), Documents.edits(mine, state));
    Documents.validate(mine);
  }
}
