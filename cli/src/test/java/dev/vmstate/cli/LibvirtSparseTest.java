package dev.vmstate.cli;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.tukaani.xz.XZInputStream;

/** A sparse image a real libvirt 11.3 wrote; how it was made stands beside it. */
class LibvirtSparseTest {
  @TempDir private Path directory;
  private Path image;
  private Path fresh;
  private byte[] original;

  @BeforeEach
  void unpack() throws Exception {
    image = directory.resolve("small.save");
    fresh = directory.resolve("new.save");
    try (InputStream in =
        new XZInputStream(
            LibvirtSparseTest.class.getResourceAsStream("libvirt/small-sparse.save.xz"))) {
      original = in.readAllBytes();
    }
    Files.write(image, original);
  }

  @Test
  void itIsRead() throws Exception {
    JsonNode info = new ObjectMapper().readTree(Cli.ok("info", "--json", "--pages", image));
    assertEquals("libvirt-save", info.at("/container").asText());
    assertEquals("sparse", info.at("/containerFacts/format").asText());
    assertEquals("small", info.at("/containerFacts/domain").asText());
    assertEquals("65536", info.at("/containerFacts/xmlRoom").asText());
    assertEquals("pc-i440fx-7.2", info.at("/machine").asText());
    assertTrue(info.at("/features").toString().contains("mapped-ram"));
    assertEquals(8 << 20, info.at("/ram/blocks/0/bytes").asInt());
    assertTrue(info.at("/ram/blocks/0/pages/data").asInt() > 20, info::toString);
    assertEquals("52:54:00:f1:f1:02", info.at("/nics/1/mac").asText());
    assertTrue(Cli.ok("get", image, "domain.xml").startsWith("<domain type='qemu'>\n"));
    assertTrue(Cli.ok("get", image, "cookie.xml").startsWith("<cookie>\n"));
  }

  @Test
  void uneditedItComesBackByteForByte() throws Exception {
    Path out = directory.resolve("out");
    Cli.ok("extract", image, "-o", out, "-q");
    Cli.ok("inject", out, "-o", fresh, "-q");
    assertArrayEquals(original, Files.readAllBytes(fresh));
  }

  @Test
  void bothCardsAreTheInterfacesAtTheirPlaces() throws Exception {
    String[][] cards = {
      {"0000:00:02.0/e1000", "52:54:00:f1:f1:01"},
      {"0000:00:03.0/virtio-net", "52:54:00:f1:f1:02"}
    };
    for (int i = 0; i < 2; i++) {
      Cli.ok("set-mac", image, cards[i][0], "52:54:00:ab:cd:ef", "-o", fresh, "-q");
      assertEquals(
          Cli.ok("get", image, "domain.xml").replace(cards[i][1], "52:54:00:ab:cd:ef"),
          Cli.ok("get", fresh, "domain.xml"));
      assertEquals(original.length, Files.size(fresh));
    }
  }

  @Test
  void withALongerDomainXmlItIsTheSameMachineAMebibyteFurtherBack() throws Exception {
    String xml = Cli.ok("get", image, "domain.xml");
    String more = xml.replace("<vcpu", "<!--" + "x".repeat(70_000) + "--><vcpu");
    Path file = Files.writeString(directory.resolve("new.xml"), more);
    Cli.ok("set", image, "domain.xml=@" + file, "-o", fresh, "-q");
    assertEquals(original.length + (1 << 20), Files.size(fresh));
    assertEquals(more, Cli.ok("get", fresh, "domain.xml"));
    Cli.ok("diff", image, fresh);
    // Put back, nothing is left of it but the room.
    byte[] grown = Files.readAllBytes(fresh);
    Cli.ok("set", fresh, "domain.xml=" + xml, "--in-place", "-q");
    assertEquals(xml, Cli.ok("get", fresh, "domain.xml"));
    byte[] back = Files.readAllBytes(fresh);
    assertArrayEquals(
        Arrays.copyOfRange(grown, 0x140000, grown.length),
        Arrays.copyOfRange(back, 0x140000, back.length));
  }
}
