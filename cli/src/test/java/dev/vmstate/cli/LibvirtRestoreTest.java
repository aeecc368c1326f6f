package dev.vmstate.cli;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vmstate.fixtures.RequiredTool;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
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
    libvirt.close();
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
}
