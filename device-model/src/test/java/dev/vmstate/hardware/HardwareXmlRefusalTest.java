package dev.vmstate.hardware;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vmstate.nic.Nic;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class HardwareXmlRefusalTest {
  private static final String E1000 = "device '0000:00:03.0/e1000'";
  private final HardwareState state = Documents.everything();
  private final String document;

  HardwareXmlRefusalTest() throws IOException {
    document = Documents.write(state);
  }

  /**
   * The change is refused with a message that names the line of {@code from} and says {@code why}.
   */
  private void refused(String from, String to, String why) {
    HardwareXmlException e = refusal(Documents.change(document, from, to));
    assertEquals(
        "hardware.xml: line %d: %s".formatted(Documents.line(document, from), why), e.getMessage());
    assertEquals(Documents.line(document, from), e.line());
  }

  private HardwareXmlException refusal(String changed) {
    return assertThrows(HardwareXmlException.class, () -> Documents.edits(changed, state));
  }

  @Test
  void aValueOutOfRangeIsNamedWithTheRange() {
    refused(
        "value=\"2048\"",
        "value=\"5000000000\"",
        E1000 + ", field 'rxbuf_size': 5000000000 does not fit uint32 (0 to 4294967295)");
    refused(
        "\"bool\" value=\"1\"",
        "\"bool\" value=\"2\"",
        "device 'i8259[1]', field 'on': 2 does not fit bool (0 to 1)");
    refused(
        ">-1 2 32767",
        ">-1 2 32768",
        E1000 + ", field 'offsets': 32768 does not fit int16 (-32768 to 32767)");
    refused(
        "52 54 00 12 34 56",
        "52 54 00 12 34 5",
        E1000 + ", field 'mac': '5' is no byte: two hex digits are");
    refused(
        "52 54 00 12 34 56",
        "52 54 00 12 34 g6",
        E1000 + ", field 'mac': 'g6' is no byte: two hex digits are");
    refused(
        "selector=\"0x10\"",
        "selector=\"0x100000000\"",
        "cpu 0: register 'cs.selector': 0x100000000 does not fit 32 bits");
    refused(
        "mac=\"52:54:00:12:34:56\"",
        "mac=\"53:54:00:12:34:56\"",
        "nic '0000:00:03.0/e1000': '53:54:00:12:34:56' is a multicast address: the first byte of a"
            + " NIC's own address is even");
  }

  @Test
  void aWrongLabelIsNamedWithTheExpectedIndex() {
    refused(
        "0x1500: 0x12005452",
        "0x1508: 0x12005452",
        E1000
            + ", field 'mac_reg': label 0x1508: stands before index 0x1500; 8 are missing before"
            + " it");
  }

  @Test
  void aLostLineShowsAtTheNextLabel() {
    String line = document.lines().filter(l -> l.contains("0x20: ")).findFirst().orElseThrow();
    HardwareXmlException e = refusal(Documents.change(document, line + "\n", ""));
    assertTrue(e.getMessage().endsWith("32 are missing before it"), e.getMessage());
  }

  @Test
  void whatIsNotAValueMayNotChange() {
    refused("vmm=\"qemu\"", "vmm=\"xen\"", fixed("vmm", "xen", "qemu"));
    refused("arch=\"x86_64\"", "arch=\"i386\"", fixed("arch", "i386", "x86_64"));
    refused("name=\"pc.ram\"", "name=\"ram\"", fixed("RAM block", "ram", "pc.ram"));
    refused("268435456", "4096", fixed("the size of RAM block 'pc.ram'", "4096", "268435456"));
    refused(
        "model=\"e1000\"",
        "model=\"e1001\"",
        "nic '0000:00:03.0/e1000': " + fixed("model", "e1001", "e1000"));
    refused(
        "name=\"timer\"", "name=\"clock\"", "device 'clock': " + fixed("device", "clock", "timer"));
    refused(
        "instance=\"1\"", "instance=\"2\"", "device 'i8259[2]': " + fixed("instance", "2", "1"));
    refused("version=\"12\"", "version=\"13\"", "device 'cpu': " + fixed("version", "13", "12"));
    refused(
        "type=\"uint32\" value=\"2048\"",
        "type=\"uint64\" value=\"2048\"",
        E1000 + ", field 'rxbuf_size': " + fixed("type", "uint64", "uint32"));
    refused("count=\"3\"", "count=\"2\"", E1000 + ", field 'offsets': " + fixed("count", "2", "3"));
    refused(
        "size=\"65536\"",
        "size=\"65535\"",
        E1000 + ", field 'tx.data': " + fixed("size", "65535", "65536"));
    refused(
        "index=\"1\" type=\"queue\"",
        "index=\"2\" type=\"queue\"",
        E1000
            + ", field 'queue[2]': stands where the snapshot has 'queue[1]'; fields cannot be"
            + " added, removed, renamed or moved");
    refused(
        "e1000/tx_tso_state\" version=\"1\"",
        "e1000/tx_tso_state\" version=\"2\"",
        E1000 + ", field 'e1000/tx_tso_state': " + fixed("version", "2", "1"));
    refused(
        "mode=\"long64\"",
        "mode=\"real16\"",
        "cpu 0: mode is 'real16' in the document, 'long64' in the snapshot: it follows from cr0,"
            + " efer and cs");
    refused(
        " mac=\"52:54:00:12:34:56\"",
        "",
        "nic '0000:00:03.0/e1000': attribute 'mac' is missing: the snapshot has"
            + " 52:54:00:12:34:56");
  }

  private static String fixed(String what, String found, String expected) {
    return "%s is '%s' in the document, '%s' in the snapshot: only values may be changed"
        .formatted(what, found, expected);
  }

  @Test
  void missingExtraMovedAndRenamedPartsAreRefused() {
    String size = line("rxbuf_size");
    assertTrue(
        refusal(document.replace(size, ""))
            .getMessage()
            .endsWith(
                "field 'mac_reg': stands where the snapshot has 'rxbuf_size'; fields cannot be"
                    + " added, removed, renamed or moved"));
    assertTrue(
        refusal(document.replace(size, size + size))
            .getMessage()
            .contains("field 'rxbuf_size': stands where the snapshot has 'mac_reg'"));
    String last = line("name=\"ipcss\"");
    assertTrue(
        refusal(document.replace(last, ""))
            .getMessage()
            .endsWith(
                E1000 + ", field 'e1000/tx_tso_state': 'ipcss' is missing before this end tag"));
    assertTrue(
        refusal(document.replace(last, last + last))
            .getMessage()
            .endsWith("the snapshot has no such field here; fields cannot be added"));
    String nic = line("<nic ");
    assertTrue(
        refusal(document.replace(nic, ""))
            .getMessage()
            .endsWith("nic '0000:00:03.0/e1000' is missing"));
    assertTrue(
        refusal(document.replace(nic, nic + nic))
            .getMessage()
            .endsWith("the snapshot has no such NIC"));
    String block = line("/rom@etc");
    assertTrue(
        refusal(document.replace(block, ""))
            .getMessage()
            .endsWith("RAM block '/rom@etc/acpi' is missing"));
    assertTrue(
        refusal(document.replace(block, block + block))
            .getMessage()
            .endsWith("RAM block '/rom@etc/acpi' is not in the snapshot"));
    String rip = line("name=\"rip\"");
    assertTrue(
        refusal(document.replace(rip, ""))
            .getMessage()
            .contains("register is 'cs.selector' in the document, 'rip' in the snapshot"));
    String efer = line("name=\"efer\"");
    assertTrue(
        refusal(document.replace(efer, ""))
            .getMessage()
            .endsWith("cpu 0: register 'efer' is missing"));
    int timer = document.indexOf("  <device name=\"timer\"");
    int cpu = document.indexOf("  <device name=\"cpu\"");
    int pic = document.indexOf("  <device name=\"i8259\" instance=\"0\"");
    String head = document.substring(0, timer);
    assertTrue(
        refusal(
                head
                    + document.substring(cpu, pic)
                    + document.substring(timer, cpu)
                    + document.substring(pic))
            .getMessage()
            .contains("device is 'cpu' in the document, 'timer' in the snapshot"));
    int e1000 = document.indexOf("  <device name=\"0000:00:03.0/e1000\"");
    assertTrue(
        refusal(document.substring(0, e1000) + "</machine>")
            .getMessage()
            .endsWith(E1000 + " is missing"));
    String whole = document.substring(timer, cpu);
    assertTrue(
        refusal(Documents.change(document, "</machine>", whole + "</machine>"))
            .getMessage()
            .endsWith("device 'timer': the snapshot has no such device"));
  }

  private String line(String text) {
    return document.lines().filter(l -> l.contains(text)).findFirst().orElseThrow() + "\n";
  }

  @Test
  void whatTheGrammarHasNoPlaceForIsRefused() {
    refused(
        "value=\"2048\"",
        "value=\"2048\" colour=\"red\"",
        E1000 + ", field 'rxbuf_size': <int> has no place for attribute 'colour'");
    refused(
        "value=\"2048\"/>",
        "value=\"2048\"><int/></int>",
        E1000 + ", field 'rxbuf_size': <int> where nothing may stand");
    refused(
        "value=\"2048\"/>",
        "value=\"2048\"/>2048",
        E1000 + ": text '2048' where only elements may stand");
    refused("<ram>", "<rom/><ram>", "<ram> must come first in <machine>");
    refused("</ram>", "</ram><disk/>", "<disk> has no place in <machine>");
    refused(
        "</ram>",
        "</ram><device name='timer' instance='0' version='0'/>",
        "device 'timer': version is '0' in the document, '2' in the snapshot: only values may be"
            + " changed");
    refused("<ram>", "<ram xmlns='urn:other'>", "<ram> is not in namespace urn:vmstate:hardware:1");
    refused("name=\"rxbuf_size\" ", "", E1000 + ": <int> has no attribute 'name'");
    refused(
        "name=\"rxbuf_size\"",
        "name=\"rxbuf\\size\"",
        E1000
            + ": name: 'rxbuf\\size': the backslash at character 6 starts none of \\\\, \\xNN,"
            + " \\uNNNN");
    refused(
        "fill=\"00\"",
        "fill=\"0\"",
        E1000 + ", field 'tx.data': fill '0' is no byte: two hex digits are");
    refused(
        "type=\"int16\" count=\"3\"",
        "type=\"int24\" count=\"3\"",
        E1000 + ", field 'offsets': 'int24' is no type of number");
    assertTrue(
        refusal(Documents.change(document, "<nic ", "<nick "))
            .getMessage()
            .endsWith("<nick> has no place in <machine>"));
    String nic = line("<nic ");
    assertTrue(
        refusal(document.replace(nic, "").replace("  <cpu index", nic + "  <cpu index"))
            .getMessage()
            .endsWith("<cpu> stands behind <nic>"));
  }

  @Test
  void aDocumentTypeIsRefusedBeforeAnyOfItIsUsed() {
    String xxe =
        document.replace(
            "<machine ",
            "<!DOCTYPE machine [<!ENTITY x SYSTEM \"file:///etc/hostname\">]>\n<machine ");
    assertTrue(
        refusal(xxe.replace("value=\"2048\"", "value=\"&x;\""))
            .getMessage()
            .endsWith("a document type (DTD) is not allowed"));
    assertTrue(
        refusal(
                document.replace(
                    "<machine ", "<!DOCTYPE machine SYSTEM \"http://h/x\">\n<machine "))
            .getMessage()
            .endsWith("a document type (DTD) is not allowed"));
  }

  @Test
  void aBillionLaughsAreRefused() {
    StringBuilder laughs = new StringBuilder("<!DOCTYPE machine [<!ENTITY l0 \"ha\">");
    for (int i = 1; i < 10; i++) {
      laughs.append("<!ENTITY l%d \"%s\">".formatted(i, ("&l" + (i - 1) + ";").repeat(10)));
    }
    refusal(document.replace("<machine ", laughs + "]>\n<machine ").replace("2048", "&l9;"));
  }

  @Test
  void anEntityWithoutADocumentTypeIsRefused() {
    refusal(document.replace("-1 2 32767", "-1 &two; 32767"));
    refusal(document.replace("\"2048\"", "\"&two;\""));
  }

  @Test
  void everyCutDocumentIsRefused() {
    for (int cut = 0; cut < document.stripTrailing().length(); cut += cut < 4000 ? 7 : 61) {
      String prefix = document.substring(0, cut);
      HardwareXmlException e = refusal(prefix);
      assertTrue(e.getMessage().contains("not well-formed XML: "), e.getMessage());
      assertThrows(HardwareXmlException.class, () -> Documents.payloads(prefix));
    }
  }

  @Test
  void countsOutOfProportionAreRefusedBeforeAnythingIsAllocated() {
    String device =
        "<machine xmlns='urn:vmstate:hardware:1' vmm='q' type='t' arch='a'><ram/>"
            + "<device name='d' instance='0' version='0'>%s</device></machine>";
    for (String field :
        new String[] {
          "<bytes name='b' type='t' size='6'>00*99999999999</bytes>",
          "<bytes name='b' type='t' size='99999999999' fill='00'/>",
          "<bytes name='b' type='t' size='9223372036854775807' fill='00'/>",
          "<bytes name='b' type='t' size='9223372036854775808' fill='00'/>",
          "<bytes name='b' type='t' size='-1' fill='00'/>",
          "<bytes name='b' type='t' size='67108860' fill='00'/>".repeat(2),
          "<ints name='b' type='uint64' count='2147483647'>1*2147483647</ints>",
          "<ints name='b' type='uint8' count='99999999999'>1*99999999999</ints>",
          "<ints name='b' type='uint8' count='4'>" + "1".repeat(100_000) + "</ints>",
          "<subsection name='%s' version='1'/>".formatted("n".repeat(256)),
          "<struct name='s' type='t'>".repeat(5000),
          "<int name='%s' type='uint8' value='1'/>".formatted("n".repeat(1 << 20)),
        }) {
      assertThrows(
          HardwareXmlException.class, () -> Documents.payloads(device.formatted(field)), field);
    }
    refusal(document.replace("size=\"65536\"", "size=\"99999999999\""));
    refusal(document.replace("0x0*2814", "0x0*99999999999"));
  }

  @Test
  void aNicWhoseStateHoldsNoAddressTakesNone() throws IOException {
    Nic nic =
        new Nic("d", "ne2k_pci", Optional.empty(), state.devices().get(0), List.of(), List.of());
    HardwareState without =
        new HardwareState("qemu", "pc", "x86_64", List.of(), List.of(), List.of(nic), List.of());
    String text = Documents.write(without);
    assertEquals(List.of(), Documents.edits(text, without));
    String with = Documents.change(text, "ne2k_pci\"", "ne2k_pci\" mac=\"52:54:00:12:34:56\"");
    HardwareXmlException e =
        assertThrows(HardwareXmlException.class, () -> Documents.edits(with, without));
    assertTrue(
        e.getMessage()
            .endsWith("nic 'd': the device's state holds no MAC address that could be changed"),
        e.getMessage());
  }

  @Test
  void aControlCharacterInANameDoesNotReachTheTerminal() throws IOException {
    HardwareState odd =
        new MachineBuilder().device("\u001b[2J", 0, 1).scalar("\u0007", "uint8", 1).build();
    String text = Documents.change(Documents.write(odd), "value=\"1\"", "value=\"256\"");
    HardwareXmlException e =
        assertThrows(HardwareXmlException.class, () -> Documents.edits(text, odd));
    assertTrue(
        e.getMessage()
            .endsWith("device '\\x1b[2J', field '\\x07': 256 does not fit uint8 (0 to 255)"),
        e.getMessage());
  }

  @Test
  void theDisksErrorsStayTheDisks() {
    IOException disk = new IOException("disk");
    InputStream broken =
        new InputStream() {
          @Override
          public int read() throws IOException {
            throw disk;
          }
        };
    IOException e =
        assertThrows(IOException.class, () -> HardwareXmlReader.payloads(broken, "hardware.xml"));
    assertEquals(disk, e);
  }

  @Test
  void bytesThatAreNoUtf8AreNotAnErrorOfTheDisk() {
    byte[] text = document.getBytes(StandardCharsets.UTF_8);
    text[document.indexOf("rxbuf_size")] = (byte) 0xff;
    assertThrows(
        HardwareXmlException.class,
        () -> HardwareXmlReader.edits(new ByteArrayInputStream(text), "hardware.xml", state));
  }
}
