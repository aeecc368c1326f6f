package dev.vmstate.cli;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.vmstate.fixtures.LibvirtSaveBuilder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The embedded snapshot as libvirt would have saved it, through every command. */
class LibvirtSaveTest {
  static final String MAC = "52:54:00:12:34:56";
  private static final String XML =
      """
      <domain type='qemu'>
        <name>sample</name>
        <uuid>5f0b7f6e-7a3e-4f39-9d7e-000000001103</uuid>
        <os><type arch='x86_64' machine='pc-i440fx-7.2'>hvm</type></os>
        <devices>
          <interface type='user'>
            <mac address='52:54:00:12:34:56'/>
            <address type='pci' domain='0x0000' bus='0x00' slot='0x02' function='0x0'/>
          </interface>
        </devices>
      </domain>
      """;
  private static final String COOKIE = "<cookie><cpu/></cookie>";

  @TempDir private Path directory;
  private Path image;
  private Path fresh;
  private byte[] stream;
  private byte[] original;

  @BeforeEach
  void anImage() throws Exception {
    stream = Files.readAllBytes(Cli.sample(directory));
    image = directory.resolve("vm.save");
    fresh = directory.resolve("new.save");
    original = saved().build(stream);
    Files.write(image, original);
  }

  private static LibvirtSaveBuilder saved() {
    return new LibvirtSaveBuilder().dataLength(4096).xml(XML).cookie(COOKIE);
  }

  private byte[] front(Path file) throws Exception {
    return Arrays.copyOf(Files.readAllBytes(file), original.length - stream.length);
  }

  private byte[] front() {
    return Arrays.copyOf(original, original.length - stream.length);
  }

  @Test
  void infoSaysWhatLibvirtKeeps() throws Exception {
    String text = Cli.ok("info", image);
    assertTrue(text.contains("container  libvirt-save, version 3"), text);
    assertTrue(text.contains("domain: sample"), text);
    JsonNode json = new ObjectMapper().readTree(Cli.ok("info", "--json", image));
    assertEquals("libvirt-save", json.at("/container").asText());
    JsonNode facts = json.at("/containerFacts");
    assertEquals("sample", facts.at("/domain").asText());
    assertEquals("5f0b7f6e-7a3e-4f39-9d7e-000000001103", facts.at("/uuid").asText());
    assertEquals("yes", facts.at("/was-running").asText());
    assertEquals("raw", facts.at("/format").asText());
    assertEquals("0x105c", facts.at("/offset").asText());
    int room = 4096 - 2 - COOKIE.length() - XML.length();
    assertEquals(room, facts.at("/xml-room").asInt());
  }

  @Test
  void anEditChangesTheStreamAndKeepsHeaderXmlAndCookie() throws Exception {
    Cli.ok("set", image, "cpu[0]/rbx=7", "-o", fresh);
    Cli.ok("set", directory.resolve("vm.mig"), "cpu[0]/rbx=7", "--in-place");
    byte[] edited = Files.readAllBytes(directory.resolve("vm.mig"));
    assertArrayEquals(saved().build(edited), Files.readAllBytes(fresh));
    Cli.ok("set", image, "cpu[0]/rbx=7", "--in-place");
    assertArrayEquals(saved().build(edited), Files.readAllBytes(image));
    Cli.ok("undo", image);
    assertArrayEquals(original, Files.readAllBytes(image));
  }

  @Test
  void whatIsExtractedAndInjectedUneditedIsTheSameFile() throws Exception {
    Path out = directory.resolve("out");
    Cli.ok("extract", image, "-o", out, "-q");
    Cli.ok("inject", out, "-o", fresh, "-q");
    assertArrayEquals(original, Files.readAllBytes(fresh));
  }

  @Test
  void anImageHoldsOneSnapshotWithoutAName() {
    Cli cli = Cli.run("info", image + "#other");
    assertEquals(1, cli.status());
    assertTrue(cli.err().contains("there is none called 'other'"), cli.err());
  }
}
