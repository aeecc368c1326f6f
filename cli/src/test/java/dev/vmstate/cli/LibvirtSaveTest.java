package dev.vmstate.cli;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.vmstate.fixtures.LibvirtSaveBuilder;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Arrays;
import java.util.List;
import java.util.zip.GZIPInputStream;
import java.util.zip.GZIPOutputStream;
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
    assertEquals("yes", facts.at("/wasRunning").asText());
    assertEquals("raw", facts.at("/format").asText());
    assertEquals("0x105c", facts.at("/offset").asText());
    int room = 4096 - 2 - COOKIE.length() - XML.length();
    assertEquals(room, facts.at("/xmlRoom").asInt());
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
  void getPrintsTheDocumentsAsTheyAre() throws Exception {
    assertEquals(XML, Cli.ok("get", image, "domain.xml"));
    assertEquals(COOKIE, Cli.ok("get", image, "cookie.xml"));
    assertEquals(
        "libvirt/was_running=1\nlibvirt/format=0\nlibvirt/complete=1\nlibvirt/version=2\n",
        Cli.ok(
            "get",
            image,
            "libvirt/was_running",
            "libvirt/format",
            "libvirt/complete",
            "libvirt/version"));
    JsonNode json = new ObjectMapper().readTree(Cli.ok("get", "--json", image, "domain.xml"));
    assertEquals(XML, json.get("domain.xml").asText());
    assertTrue(
        Cli.ok("get", image, "cpu[0]/rip", "libvirt/was_running")
            .matches("cpu\\[0]/rip=0x[0-9a-f]+\\nlibvirt/was_running=1\\n"));
  }

  @Test
  void aDomainXmlThatFitsReplacesTheOldOneAndLeavesTheStreamWhereItIs() throws Exception {
    String edited = XML.replace("<devices>", "<title>Größer</title><devices>");
    Path file = Files.writeString(directory.resolve("domain.xml"), edited);
    String report = Cli.ok("set", image, "domain.xml=@" + file, "-o", fresh);
    assertTrue(report.contains("domain.xml: 364 bytes -> 387 bytes"), report);
    assertArrayEquals(saved().xml(edited).build(stream), Files.readAllBytes(fresh));
    assertEquals(edited, Cli.ok("get", fresh, "domain.xml"));
    Cli.ok("set", image, "domain.xml=" + edited, "libvirt/was_running=0", "--in-place");
    assertArrayEquals(saved().xml(edited).wasRunning(0).build(stream), Files.readAllBytes(image));
    Cli.ok("undo", image);
    assertArrayEquals(original, Files.readAllBytes(image));
  }

  @Test
  void aDomainXmlThatDoesNotFitMovesTheStreamInANewFileAndIsRefusedInPlace() throws Exception {
    String edited = XML.replace("<devices>", "<!--" + "x".repeat(5000) + "--><devices>");
    Cli.ok("set", image, "domain.xml=" + edited, "cpu[0]/rbx=7", "-o", fresh);
    Cli.ok("set", directory.resolve("vm.mig"), "cpu[0]/rbx=7", "--in-place");
    byte[] stream = Files.readAllBytes(directory.resolve("vm.mig"));
    int data = 0x12000 - 92; // XML, cookie, 64 KiB, up to a page
    assertArrayEquals(
        saved().xml(edited).dataLength(data).build(stream), Files.readAllBytes(fresh));
    Cli refused = Cli.run("set", image, "domain.xml=" + edited, "--in-place");
    assertEquals(1, refused.status());
    assertTrue(refused.err().contains("write a new file with -o"), refused.err());
    assertArrayEquals(original, Files.readAllBytes(image));
  }

  @Test
  void aNewImageIsAsPrivateAsTheOldOne() throws Exception {
    for (String mode : List.of("rw-------", "rw-r-----", "rw-r--r--")) {
      Files.setPosixFilePermissions(image, PosixFilePermissions.fromString(mode));
      Cli.ok("set", image, "cpu[0]/rbx=7", "-o", fresh, "-q");
      assertEquals(mode, PosixFilePermissions.toString(Files.getPosixFilePermissions(fresh)));
      String xml = "domain.xml=" + XML + "<!--" + "x".repeat(5000) + "-->";
      Cli.ok("set", image, xml, "-o", fresh, "-q");
      assertEquals(mode, PosixFilePermissions.toString(Files.getPosixFilePermissions(fresh)));
    }
  }

  @Test
  void aCompressedImagesDomainXmlIsChangedWithoutLookingAtTheStream() throws Exception {
    byte[] payload = {0x28, (byte) 0xb5, 0x2f, (byte) 0xfd, 1, 2, 3};
    Files.write(image, saved().format(5).build(payload));
    Cli.run("set", image, "libvirt/was_running=0", "domain.xml=<domain/>", "-o", fresh, "-q");
    assertArrayEquals(
        saved().format(5).wasRunning(0).xml("<domain/>").build(payload), Files.readAllBytes(fresh));
    String edited = "<domain>" + "x".repeat(5000) + "</domain>";
    Cli.run("set", image, "domain.xml=" + edited, "-o", fresh);
    assertArrayEquals(
        saved().format(5).xml(edited).dataLength(0x12000 - 92).build(payload),
        Files.readAllBytes(fresh));
  }

  /** gzip and not more: the formats as such are tried where they are read. */
  @Test
  void aCompressedStreamIsEditedBehindTheSameFrontAndCompressedAgain() throws Exception {
    Files.write(image, saved().format(1).build(gzip(stream)));
    Files.setPosixFilePermissions(image, PosixFilePermissions.fromString("rw-------"));
    String fresher = "52:54:00:ab:cd:ef";
    String edited = XML.replace(MAC, fresher);
    Cli.ok("set-mac", image, "e1000", fresher, "-o", fresh, "-q");
    Cli.ok("set-mac", directory.resolve("vm.mig"), "e1000", fresher, "--in-place", "-q");
    byte[] expected = Files.readAllBytes(directory.resolve("vm.mig"));
    byte[] front = saved().format(1).xml(edited).build();
    byte[] bytes = Files.readAllBytes(fresh);
    assertArrayEquals(front, Arrays.copyOf(bytes, front.length));
    assertArrayEquals(expected, gunzip(Arrays.copyOfRange(bytes, front.length, bytes.length)));
    assertEquals("rw-------", PosixFilePermissions.toString(Files.getPosixFilePermissions(fresh)));

    String grown = XML.replace("<devices>", "<!--" + "x".repeat(5000) + "--><devices>");
    Cli.ok("set", image, "domain.xml=" + grown, "cpu[0]/rbx=7", "-o", fresh, "-q");
    front = saved().format(1).xml(grown).dataLength(0x12000 - 92).build();
    bytes = Files.readAllBytes(fresh);
    assertArrayEquals(front, Arrays.copyOf(bytes, front.length));
    assertTrue(Cli.ok("get", fresh, "cpu[0]/rbx").contains("=0x7"));

    Cli refused = Cli.run("set-mac", image, "e1000", fresher, "--in-place");
    assertEquals(1, refused.status());
    assertTrue(refused.err().contains("compressed (gzip)"), refused.err());
  }

  private static byte[] gzip(byte[] bytes) throws IOException {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    try (GZIPOutputStream packing = new GZIPOutputStream(out)) {
      packing.write(bytes);
    }
    return out.toByteArray();
  }

  private static byte[] gunzip(byte[] bytes) throws IOException {
    return new GZIPInputStream(new ByteArrayInputStream(bytes)).readAllBytes();
  }

  @Test
  void anUnfinishedImageCanBeFinished() throws Exception {
    Files.write(image, saved().partial().build(stream));
    assertTrue(Cli.ok("info", image).contains("note: not finished"));
    Cli.ok("set", image, "libvirt/complete=1", "--in-place");
    assertArrayEquals(original, Files.readAllBytes(image));
  }

  @Test
  void whatLibvirtMayRefuseIsWarnedOf() throws Exception {
    String edited =
        XML.replace("sample", "other")
            .replace("1103", "1104")
            .replace("i440fx-7.2", "i440fx-8.0")
            .replace(MAC, "52:54:00:00:00:01");
    Cli cli = Cli.run("set", image, "domain.xml=" + edited, "--dry-run");
    assertEquals(0, cli.status());
    String[] warnings = cli.err().split("\n");
    assertEquals(4, warnings.length, cli.err());
    assertTrue(warnings[0].contains("name changes from sample to other"), cli.err());
    assertTrue(warnings[1].contains("uuid changes"), cli.err());
    assertTrue(warnings[2].contains("machine type changes"), cli.err());
    assertTrue(warnings[3].contains("'vmstate set-mac' changes both"), cli.err());
    assertArrayEquals(original, Files.readAllBytes(image));
  }

  @Test
  void setMacChangesTheDomainXmlToo() throws Exception {
    String fresher = "52:54:00:ab:cd:ef";
    String report = Cli.ok("set-mac", image, "e1000", fresher, "-o", fresh);
    assertTrue(report.contains("domain.xml/interface[0]/mac: " + MAC + " -> " + fresher), report);
    assertEquals(XML.replace(MAC, fresher), Cli.ok("get", fresh, "domain.xml"));
    assertTrue(Cli.ok("nics", fresh).contains(fresher));
    Cli.ok("set-mac", directory.resolve("vm.mig"), "e1000", fresher, "--in-place");
    byte[] edited = Files.readAllBytes(directory.resolve("vm.mig"));
    assertArrayEquals(
        saved().xml(XML.replace(MAC, fresher)).build(edited), Files.readAllBytes(fresh));
  }

  @Test
  void whatCannotBeSetSaysWhy() throws Exception {
    Path stream = directory.resolve("vm.mig");
    String[][] failures = {
      {"get", stream.toString(), "domain.xml", "only a libvirt save image has domain.xml"},
      {"get", image.toString(), "libvirt/nothing", "no 'libvirt/nothing'"},
      {"set", image.toString(), "cookie.xml=<cookie/>", "--dry-run", "cookie.xml can be read only"},
      {"set", image.toString(), "libvirt/was_running=2", "--dry-run", "'2' is neither 0 nor 1"},
      {"set", image.toString(), "domain.xml=<domain>", "--dry-run", "not well-formed XML"},
      {"set", image.toString(), "domain.xml=@" + directory.resolve("no"), "--dry-run", "no"},
      {"set", stream.toString(), "libvirt/complete=1", "--dry-run", "is a qemu-stream"},
    };
    for (String[] failure : failures) {
      Cli cli = Cli.run((Object[]) Arrays.copyOf(failure, failure.length - 1));
      assertEquals(1, cli.status(), String.join(" ", failure));
      assertTrue(cli.err().contains(failure[failure.length - 1]), cli.err());
      assertEquals(1, cli.err().lines().count(), cli.err());
    }
    Files.write(image, new LibvirtSaveBuilder().build());
    Cli cookie = Cli.run("get", image, "cookie.xml");
    assertTrue(cookie.err().contains("has no cookie"), cookie.err());
  }

  @Test
  void anImageHoldsOneSnapshotWithoutAName() {
    Cli cli = Cli.run("info", image + "#other");
    assertEquals(1, cli.status());
    assertTrue(cli.err().contains("there is none called 'other'"), cli.err());
  }
}
