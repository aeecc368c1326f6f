package dev.vmstate.libvirt;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vmstate.bytes.FormatException;
import java.util.Arrays;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class DomainXmlTest {
  private static final String GUEST =
      """
      <?xml version="1.0" encoding="utf-8"?>
      <!-- <interface><mac address='00:00:00:00:00:00'/></interface> é€😀 -->
      <domain type='kvm' id='7' xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>
        <name>Größe &amp; <![CDATA[<Maß>]]></name>\r
        <uuid> 5f0b7f6e-7a3e-4f39-9d7e-000000001103
        </uuid>
        <metadata><m:x xmlns:m="urn:x"><interface><mac address="none"/></interface></m:x></metadata>
        <os><type arch='x86_64' machine='pc-q35-10.0'>hvm</type></os>
        <devices>
          <controller type='pci' index='0' model='pcie-root'/>
          <controller type='usb' index='1'><address type='pci' slot='0x1d'/></controller>
          <controller type='pci' index='2' model='pcie-root-port'>
            <target chassis='2' port='0x10'/>
            <address type='pci' domain='0x0000' bus='0x00' slot='0x02' function='0x1'/>
          </controller>
          <interface type='network'>
            <mac  address = "52:54:00:11:22:33"/>
            <target dev='vnet0'/><model type='virtio'/><alias name='net0'/>
            <address type='pci' domain='0x0000' bus='0x02' slot='0x00' function='0x0'/>
          </interface>
          <interface type='user'>
            <source><address type='pci' bus='9'/></source>
            <mac type="static" x='>' address='52:54:00:44:55&#x3a;66' check="no"></mac>
          </interface>
          <interface type='hostdev'/>
        </devices>
        <qemu:commandline><qemu:arg value='-s'/></qemu:commandline>
      </domain>
      """;

  private static DomainXml parse(String xml) throws FormatException {
    return DomainXml.parse("vm.save: domain XML", xml.getBytes(UTF_8));
  }

  private static String refused(String xml) {
    return assertThrows(FormatException.class, () -> parse(xml), xml).getMessage();
  }

  @Test
  void namesAndInterfacesAreFound() throws Exception {
    DomainXml domain = parse(GUEST);
    assertEquals(Optional.of("Größe & <Maß>"), domain.name());
    assertEquals(Optional.of("5f0b7f6e-7a3e-4f39-9d7e-000000001103"), domain.uuid());
    assertEquals(Optional.of("pc-q35-10.0"), domain.machine());
    assertEquals(3, domain.interfaces().size());
    DomainXml.Interface first = domain.interfaces().get(0);
    assertEquals("52:54:00:11:22:33", first.mac().orElseThrow().text());
    assertEquals(Optional.of("vnet0"), first.target());
    assertEquals(Optional.of("net0"), first.alias());
    assertEquals(Optional.of("virtio"), first.model());
    assertEquals(Optional.of("0000:00:02.1:00.0"), first.pciPath());
    DomainXml.Interface second = domain.interfaces().get(1);
    assertEquals("52:54:00:44:55:66", second.mac().orElseThrow().text());
    assertEquals(Optional.empty(), second.pciPath());
    assertEquals(Optional.empty(), domain.interfaces().get(2).mac());
  }

  @Test
  void aNewMacReplacesItsOwnBytesAndNothingElse() throws Exception {
    byte[] bytes = GUEST.getBytes(UTF_8);
    DomainXml domain = parse(GUEST);
    for (int i = 0; i < 2; i++) {
      DomainXml.Value mac = domain.interfaces().get(i).mac().orElseThrow();
      String stands = new String(bytes, (int) mac.at().offset(), (int) mac.at().length(), UTF_8);
      assertEquals(mac.text(), stands.replace("&#x3a;", ":"));
      String edited = new String(domain.with(mac, "52:54:00:ab:cd:ef"), UTF_8);
      assertEquals(GUEST.replace(stands, "52:54:00:ab:cd:ef"), edited);
      assertEquals(
          "52:54:00:ab:cd:ef", parse(edited).interfaces().get(i).mac().orElseThrow().text());
    }
  }

  @Test
  void pathsFollowBridgesAndExpandersAndStopWhereTheyAreNotTold() throws Exception {
    String xml =
        """
        <domain><devices>
        <controller type='pci' index='0' model='pci-root'/>
        <controller type='pci' index='1' model='pci-bridge'><address type='pci' slot='5'/></controller>
        <controller type='pci' index='2' model='pci-bridge'><address type='pci' bus='1' slot='0x1f'/></controller>
        <controller type='pci' index='3' model='pcie-expander-bus'><target busNr='254'/></controller>
        <controller type='pci' index='4' model='pci-expander-bus'><target busNr='200'/></controller>
        <controller type='pci' index='5' model='pci-bridge'><address type='pci' bus='6'/></controller>
        <controller type='pci' index='6' model='pci-bridge'><address type='pci' bus='5'/></controller>
        <controller type='pci' index='8' model='pci-bridge'/>
        %s</devices></domain>""";
    String[][] expected = {
      {"bus='0' slot='3'", "0000:00:03.0"},
      {"slot='0x1c' function='7'", "0000:00:1c.7"},
      {"bus='1' slot='2'", "0000:00:05.0:02.0"},
      {"bus='2' slot='1' function='1'", "0000:00:05.0:1f.0:01.1"},
      {"bus='3' slot='1'", "0000:fe:01.0"},
      {"bus='4' slot='1'", null},
      {"bus='5' slot='1'", null},
      {"bus='7' slot='1'", null},
      {"bus='8' slot='1'", null},
      {"bus='0' slot='32'", null},
      {"bus='x'", null},
    };
    for (String[] one : expected) {
      String card = "<interface><address type='pci' %s/></interface>".formatted(one[0]);
      assertEquals(
          Optional.ofNullable(one[1]),
          parse(xml.formatted(card)).interfaces().get(0).pciPath(),
          one[0]);
    }
    String other = "<interface><address type='ccw' cssid='0xfe'/></interface>";
    assertEquals(Optional.empty(), parse(xml.formatted(other)).interfaces().get(0).pciPath());
  }

  @Test
  void entitiesDocumentTypesAndOtherRootsAreRefused() {
    String dtd = "<!DOCTYPE domain [<!ENTITY x SYSTEM 'file:///etc/passwd'>]>";
    assertTrue(refused(dtd + "<domain><name>&x;</name></domain>").contains("DTD"));
    assertEquals(
        "vm.save: domain XML: at offset 0x10: not well-formed XML: Undeclared general entity \"x\"",
        refused("<domain><name>&x;</name></domain>"));
    assertTrue(refused("<domain a='&x;'/>").contains("at offset 0x"));
    assertTrue(refused("<cookie/>").contains("expected <domain>"));
    assertTrue(refused("").contains("not well-formed"));
    assertTrue(refused("<domain>").contains("not well-formed"));
    assertTrue(refused("<domain/><domain/>").contains("not well-formed"));
    assertTrue(refused("<domain><q:x/></domain>").contains("not well-formed"));
    assertTrue(refused("<domain a='1' a='2'/>").contains("not well-formed"));
    assertTrue(refused("<?xml version='1.0' encoding='latin1'?><domain/>").contains("latin1"));
  }

  @Test
  void bytesThatAreNotUtf8AreRefusedWhereTheyStand() {
    byte[] bytes = "<domain><name>é</name></domain>".getBytes(UTF_8);
    bytes[15] = 'x';
    FormatException e =
        assertThrows(FormatException.class, () -> DomainXml.parse("vm.save", bytes));
    assertEquals("vm.save: at offset 0xe: is not UTF-8", e.getMessage());
    byte[] cut = Arrays.copyOf("<domain/>é".getBytes(UTF_8), 10);
    assertThrows(FormatException.class, () -> DomainXml.parse("vm.save", cut));
  }

  @Test
  void aNameTellsATerminalNothing() throws Exception {
    DomainXml domain =
        parse("<domain><name>a&#9;b\u009b31m" + "c".repeat(2000) + "</name></domain>");
    String name = domain.name().orElseThrow();
    assertTrue(name.startsWith("a?b?31mccc"), name);
    assertEquals(1001, name.length());
  }

  @Test
  void depthElementsAndAttributesAreBounded() {
    assertTrue(refused("<domain>" + "<a>".repeat(1 << 20)).length() < 300);
    assertTrue(refused("<domain>" + "<a/>".repeat(1 << 19) + "</domain>").length() < 300);
    StringBuilder many = new StringBuilder("<domain");
    for (int i = 0; i < 1 << 14; i++) {
      many.append(" a").append(i).append("=''");
    }
    assertTrue(refused(many + "/>").length() < 300);
    assertFalse(
        refused("<domain><devices>" + "<interface/>".repeat(5000)).contains("not well-formed"));
  }
}
