package dev.vmstate.hardware;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vmstate.device.EditConflictException;
import dev.vmstate.device.FieldEdit;
import java.io.IOException;
import java.util.HexFormat;
import java.util.List;
import org.junit.jupiter.api.Test;

class HardwareXmlEditTest {
  private static final String E1000 = "0000:00:03.0/e1000/";
  private final HardwareState state = Documents.everything();
  private final String document;

  HardwareXmlEditTest() throws IOException {
    document = Documents.write(state);
  }

  private List<FieldEdit> edits(String from, String to) throws IOException {
    return Documents.edits(Documents.change(document, from, to), state);
  }

  private static void assertEdit(FieldEdit edit, String path, String before, String after) {
    assertEquals(path, edit.path());
    assertEquals(before, HexFormat.of().formatHex(edit.before().array()));
    assertEquals(after, HexFormat.of().formatHex(edit.after().array()));
  }

  @Test
  void aChangedNumberIsOneEditWithItsLine() throws IOException {
    String field = "type=\"uint32\" value=\"2048\"";
    List<FieldEdit> edits = edits(field, "type=\"uint32\" value=\"0x1000\"");
    assertEquals(1, edits.size());
    assertEdit(edits.get(0), E1000 + "rxbuf_size", "00000800", "00001000");
    assertEquals("hardware.xml line " + Documents.line(document, field), edits.get(0).origin());
    assertEquals("", edits.get(0).note());
    assertArrayEquals(
        edits.get(0).before().array(), state.devices().get(0).source().bytes(edits.get(0).where()));
  }

  @Test
  void theSameValueWrittenAnotherWayIsNoEdit() throws IOException {
    assertEquals(List.of(), edits("value=\"2048\"", "value=\" 0x00000800 \""));
    assertEquals(List.of(), edits("\"bool\" value=\"1\"", "\"bool\" value=\"true\""));
    assertEquals(List.of(), edits("52:54:00:12:34:56", "52:54:00:12:34:56"));
    assertEquals(List.of(), edits("0x1500: 0x12005452", "<!-- RA -->\n0x1500:\n0X12005452"));
    assertEquals(List.of(), edits("0x0*2814", "0x0*2813 0"));
  }

  @Test
  void aDeviceThatIsNotTheFirstOfItsNameIsNamedWithItsInstance() throws IOException {
    assertEdit(edits("value=\"17\"", "value=\"18\"").get(0), "i8259[1]/irr", "11", "12");
  }

  @Test
  void anElementOfAnArrayIsAnEditWithTheLineItStandsOn() throws IOException {
    String registers = "0x1500: 0x12005452";
    List<FieldEdit> edits = edits(registers, "0x1500: 0xff");
    assertEquals(1, edits.size());
    assertEdit(edits.get(0), E1000 + "mac_reg[0x1500]", "12005452", "000000ff");
    assertEquals("hardware.xml line " + Documents.line(document, registers), edits.get(0).origin());
    assertEdit(edits("-1 2 32767", "-1 -3 32767").get(0), E1000 + "offsets[1]", "0002", "fffd");
  }

  @Test
  void aFoldedRunMayBeSplit() throws IOException {
    List<FieldEdit> edits = edits("0x0*2814", "0x0*2 0x9*2 0x0*2810");
    assertEquals(2, edits.size());
    assertEdit(edits.get(0), E1000 + "mac_reg[0x1504]", "00000000", "00000009");
    assertEdit(edits.get(1), E1000 + "mac_reg[0x1505]", "00000000", "00000009");
  }

  @Test
  void changedBytesThatStandTogetherOnALineAreOneEdit() throws IOException {
    List<FieldEdit> edits = edits("0x00: 00 07 0e 15", "0x00: ff 07 0102");
    assertEquals(2, edits.size());
    assertEdit(edits.get(0), E1000 + "config[0x0]", "00", "ff");
    assertEdit(edits.get(1), E1000 + "config[0x2..0x3]", "0e15", "0102");
    edits = edits("d9\n      0x20: e0", "00\n      0x20: 00");
    assertEquals(2, edits.size());
    assertEdit(edits.get(0), E1000 + "config[0x1f]", "d9", "00");
    assertEdit(edits.get(1), E1000 + "config[0x20]", "e0", "00");
  }

  @Test
  void aFilledBufferMayGetText() throws IOException {
    List<FieldEdit> edits =
        edits("size=\"65536\" fill=\"00\"/>", "size=\"65536\">00*65533 01 02 00</bytes>");
    assertEquals(1, edits.size());
    assertEdit(edits.get(0), E1000 + "tx.data[0xfffd..0xfffe]", "0000", "0102");
    edits = edits("size=\"65536\" fill=\"00\"", "size=\"65536\" fill=\"Aa\"");
    assertEquals(1, edits.size());
    assertEquals(65536, edits.get(0).where().length());
    assertEquals(E1000 + "tx.data[0x0..0xffff]", edits.get(0).path());
  }

  @Test
  void aShortBufferIsOneValue() throws IOException {
    List<FieldEdit> edits = edits("52 54 00 12 34 56", "52 54 00 12 34 57");
    assertEquals(1, edits.size());
    assertEdit(edits.get(0), E1000 + "mac", "525400123456", "525400123457");
  }

  @Test
  void aFieldInAStructOrSubsectionIsNamedThroughIt() throws IOException {
    assertEdit(
        edits("\"uint16\" value=\"4\"", "\"uint16\" value=\"5\"").get(0),
        E1000 + "queue[1]/head",
        "0004",
        "0005");
    assertEdit(
        edits("value=\"14\"", "value=\"15\"").get(0),
        E1000 + "e1000/tx_tso_state/ipcss",
        "0e",
        "0f");
  }

  @Test
  void aValueTheDestinationComparesCarriesANote() throws IOException {
    FieldEdit edit = edits("value=\"7\"", "value=\"8\"").get(0);
    assertTrue(edit.note().contains("refuses"), edit.note());
  }

  @Test
  void aRegisterChangesTheFieldBehindIt() throws IOException {
    List<FieldEdit> edits =
        edits("value=\"0xffffffff87e17a0b\"/>\n    <segment", "value=\"0x10\"/>\n    <segment");
    assertEquals(1, edits.size());
    assertEdit(edits.get(0), "cpu[0]/rip", "ffffffff87e17a0b", "0000000000000010");
    assertEquals(state.devices().get(1).root().children().get(0).span(), edits.get(0).where());
    assertEdit(
        edits("selector=\"0x10\"", "selector=\"24\"").get(0),
        "cpu[0]/cs.selector",
        "00000010",
        "00000018");
  }

  @Test
  void theMacOfANicChangesItsCopies() throws IOException {
    List<FieldEdit> edits = edits("52:54:00:12:34:56", "52-54-00-AA-BB-CC");
    assertEquals(1, edits.size());
    assertEdit(edits.get(0), E1000 + "mac", "525400123456", "525400aabbcc");
    int line = Documents.line(document, "<nic ");
    assertEquals("hardware.xml line " + line, edits.get(0).origin());
  }

  @Test
  void aViewAndItsFieldChangedAlikeAreOneEdit() throws IOException {
    String both =
        Documents.change(document, "mac=\"52:54:00:12:34:56\"", "mac=\"52:54:00:12:34:99\"");
    both = Documents.change(both, "52 54 00 12 34 56", "52 54 00 12 34 99");
    assertEquals(1, Documents.edits(both, state).size());
  }

  @Test
  void aViewAndItsFieldChangedDifferentlyContradictAndBothLinesAreNamed() {
    String nic =
        Documents.change(document, "mac=\"52:54:00:12:34:56\"", "mac=\"52:54:00:12:34:99\"");
    assertConflict(nic, "52 54 00 12 34 56", "52 54 00 12 34 98", "<nic ", "name=\"mac\"");
    assertConflict(nic, "52 54 00 12 34 56", "52 54 00 12 35 56", "<nic ", "name=\"mac\"");
    String cpu = Documents.change(document, "selector=\"0x10\"", "selector=\"0x18\"");
    assertConflict(
        cpu,
        "name=\"cs.selector\" type=\"uint32\" value=\"16\"",
        "name=\"cs.selector\" type=\"uint32\" value=\"32\"",
        "<segment",
        "name=\"cs.selector\"");
  }

  private void assertConflict(
      String changed, String from, String to, String firstPlace, String secondPlace) {
    String twice = Documents.change(changed, from, to);
    EditConflictException e =
        assertThrows(EditConflictException.class, () -> Documents.edits(twice, state));
    assertTrue(
        e.getMessage().contains("hardware.xml line " + Documents.line(document, firstPlace) + " "),
        e.getMessage());
    assertTrue(
        e.getMessage().contains("hardware.xml line " + Documents.line(document, secondPlace) + " "),
        e.getMessage());
  }
}
