package dev.vmstate.cli;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.ObjectMapper;
import dev.vmstate.fixtures.RequiredTool;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Images a real libvirt has saved, edited, and restored by it. */
@Tag("qemu")
class LibvirtRestoreTest {
  @TempDir private static Path directory;
  private static EmbeddedLibvirt libvirt;

  @BeforeAll
  static void start() throws Exception {
    libvirt = new EmbeddedLibvirt(directory);
  }

  @AfterAll
  static void stop() throws Exception {
    if (libvirt != null) { // it is skipped where virsh is missing
      libvirt.close();
    }
  }

  private static Path saved(String format) throws IOException, InterruptedException {
    RequiredTool.require(format.equals("raw") ? "true" : format, format);
    Path image = directory.resolve(format + ".save");
    if (Files.notExists(image)) {
      libvirt.saveAs(format);
      libvirt.save(format + ".save");
    }
    return image;
  }

  @ParameterizedTest
  @ValueSource(strings = {"raw"})
  void newAddressesRegistersAndMemoryAreWhatLibvirtStartsWith(String format) throws Exception {
    Path image = saved(format);
    Path edited = directory.resolve(format + ".new");
    Cli.ok("set-mac", image, "52:54:00:f1:f1:01", "52:54:00:aa:00:01", "-o", edited, "-q");
    Path next = directory.resolve(format + ".next");
    Cli.ok("set-mac", edited, "virtio-net", "52:54:00:aa:00:02", "-o", next, "-q");
    Cli.ok("set-mac", next, "52:54:00:f1:f1:03", "52:54:00:aa:00:03", "-o", edited, "-q");
    Cli.ok("set", edited, "cpu[0]/rax=0x1234abcd", "libvirt/was_running=0", "-o", next, "-q");
    String said = libvirt.restore(next, "info network", "info registers");
    assertTrue(said.contains("paused"), said);
    assertTrue(said.contains("EAX=1234abcd"), said);
    for (int i = 1; i <= 3; i++) {
      assertTrue(said.contains("macaddr=52:54:00:aa:00:0" + i), said);
    }
    String xml = libvirt.virsh(false, "save-image-dumpxml " + next);
    for (int i = 1; i <= 3; i++) {
      assertTrue(xml.contains("<mac address='52:54:00:aa:00:0" + i + "'/>"), xml);
    }
  }

  @Test
  void anEditedDomainXmlThatNeedsRoomIsWhatLibvirtReads() throws Exception {
    Path image = saved("raw");
    String xml = Cli.ok("get", image, "domain.xml");
    Path file = directory.resolve("domain.xml");
    Files.writeString(
        file,
        xml.replace("<vcpu", "<description>" + "x".repeat(100_000) + "</description>\n  <vcpu"));
    Path grown = directory.resolve("grown.save");
    Cli.ok("set", image, "domain.xml=@" + file, "cpu[0]/rax=0x5678", "-o", grown, "-q");
    assertTrue(libvirt.virsh(false, "save-image-dumpxml " + grown).contains("x".repeat(100_000)));
    String said = libvirt.restore(grown, "stop", "info registers");
    assertTrue(said.contains("running"), said);
  }

  @Test
  void whatLibvirtEditsIsReadAndLibvirtsOwnEditIsTheSameAsOurs() throws Exception {
    Path image = saved("raw");
    Path theirs = Files.copy(image, directory.resolve("theirs.save"));
    String xml = Cli.ok("get", image, "domain.xml");
    libvirt.define(theirs, xml.replace("<vcpu", "<title>edited</title>\n  <vcpu"));
    Path ours = directory.resolve("ours.save");
    Cli.ok("set", image, "domain.xml=" + Cli.ok("get", theirs, "domain.xml"), "-o", ours, "-q");
    assertArrayEquals(Files.readAllBytes(theirs), Files.readAllBytes(ours));
    assertTrue(Cli.ok("get", ours, "domain.xml").contains("<title>edited</title>"));
  }

  @Test
  void anUneditedImageComesBackByteForByte() throws Exception {
    Path image = saved("raw");
    Path out = directory.resolve("out");
    Cli.ok("extract", image, "-o", out, "-q");
    Path back = directory.resolve("back.save");
    Cli.ok("inject", out, "-o", back, "-q");
    assertArrayEquals(Files.readAllBytes(image), Files.readAllBytes(back));
  }

  /** The command line libvirt starts that domain with, as far as it matters to the stream. */
  @Test
  void verifyLoadsAnEditedImage() throws Exception {
    Path image = saved("raw");
    Path edited = directory.resolve("verified.save");
    String mac = "52:54:00:aa:00:03";
    Cli.ok("set-mac", image, "e1000e", mac, "-o", edited, "-q");
    String machine =
        new ObjectMapper().readTree(Cli.ok("info", "--json", image)).at("/machine").asText();
    String qemu =
        "-machine %s,usb=off,acpi=off,memory-backend=pc.ram -accel tcg -cpu qemu64 -m 8 -smp 1"
            + " -object memory-backend-ram,id=pc.ram,size=8388608 -nodefaults -no-user-config"
            + " -display none -device pci-bridge,chassis_nr=1,id=pci.1,bus=pci.0,addr=0x2"
            + " -netdev user,id=n1 -device e1000,netdev=n1,mac=52:54:00:f1:f1:01,addr=0x3,rombar=0"
            + " -netdev user,id=n2 -device virtio-net-pci,netdev=n2,mac=52:54:00:f1:f1:02,bus=pci.1,addr=0x3,rombar=0"
            + " -netdev user,id=n3 -device e1000e,netdev=n3,mac=%s,addr=0x4,rombar=0";
    List<Object> words =
        new ArrayList<>(List.of("verify", edited, "--against", image, "--", "qemu-system-x86_64"));
    words.addAll(List.of(qemu.formatted(machine, mac).split(" ")));
    Cli verified = Cli.run(words.toArray());
    assertEquals(0, verified.status(), verified.out() + verified.err());
    assertTrue(verified.out().contains("kept:"), verified.out());
  }
}
