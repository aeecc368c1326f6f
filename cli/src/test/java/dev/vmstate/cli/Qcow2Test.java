package dev.vmstate.cli;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.vmstate.fixtures.Qcow2Builder;
import dev.vmstate.fixtures.QemuImage;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The embedded snapshot inside a disk image, through every command. */
class Qcow2Test {
  @TempDir private Path directory;
  private Path plain;
  private Path image;
  private byte[] original;

  @BeforeEach
  void anImage() throws Exception {
    plain = Cli.sample(directory);
    byte[] stream = Files.readAllBytes(plain);
    byte[] other = stream.clone();
    Arrays.fill(other, other.length / 2, other.length / 2 + 100, (byte) 7);
    Qcow2Builder builder = new Qcow2Builder(3, 12).diskSize(1 << 20);
    builder.disk(0, new byte[] {1, 2, 3});
    builder.snapshot("before", stream).loaded();
    builder.snapshot("disk", new byte[0]);
    builder.snapshot("after", other);
    original = builder.build();
    image = Files.write(directory.resolve("disk.qcow2"), original);
  }

  private String before() {
    return image + "#before";
  }

  @Test
  void infoListsTheSnapshotsOrShowsOne() throws Exception {
    String list = Cli.ok("info", image);
    assertTrue(list.contains("container  qcow2, version 3"), list);
    assertTrue(
        list.contains("2    disk                    disk only   2023-11-14T22:13:20Z"), list);
    assertTrue(list.contains("'vmstate info " + image + "#NAME' shows one"), list);
    JsonNode json = new ObjectMapper().readTree(Cli.ok("info", "--json", image));
    assertEquals("qcow2", json.at("/container").asText());
    assertEquals("after", json.at("/snapshots/2/name").asText());
    assertEquals(Files.size(plain), json.at("/snapshots/0/vmStateBytes").asLong());
    assertEquals(0, json.at("/snapshots/1/vmStateBytes").asLong());
    assertEquals(12_345_678_901L, json.at("/snapshots/0/vmClockNanos").asLong());

    String one = Cli.ok("info", before());
    assertTrue(one.contains("container  qcow2, version 3"), one);
    assertTrue(one.contains("snapshot: before"), one);
    String asStream = Cli.ok("info", plain);
    int machine = one.indexOf("  machine");
    assertEquals(asStream.substring(asStream.indexOf("  machine")), one.substring(machine));
  }

  @Test
  void withoutANameOtherCommandsSayWhichThereAre() {
    for (String command : new String[] {"devices", "cpus"}) {
      Cli cli = Cli.run(command, image);
      assertEquals(1, cli.status());
      assertTrue(
          cli.err().contains("it has 'before' (id 1), 'disk' (id 2), 'after' (id 3)"), cli.err());
    }
    Cli cli = Cli.run("info", image + "#disk");
    assertEquals(1, cli.status());
    assertTrue(cli.err().contains("a snapshot of the disk alone, without VM state"), cli.err());
  }

  @Test
  void anEditIsTheSameAsInAPlainStream() throws Exception {
    Path fresh = directory.resolve("new.qcow2");
    Path converted = directory.resolve("new.mig");
    Cli.ok("set", before(), "cpu[0]/rbx=7", "-o", fresh);
    Cli.ok("set", plain, "cpu[0]/rbx=7", "--in-place");
    Cli.ok("convert", fresh + "#before", "--to", "qemu-stream", "-o", converted, "-q");
    assertEquals(-1, Files.mismatch(plain, converted));
    new QemuImage(fresh).check();
    assertArrayEquals(original, Files.readAllBytes(image));

    Cli.ok("set", before(), "cpu[0]/rbx=7", "--in-place");
    assertEquals(-1, Files.mismatch(fresh, image));
    Cli.ok("undo", before());
    assertArrayEquals(original, Files.readAllBytes(image));
  }

  /** Also when the image has grown since, as it does under a running guest. */
  @Test
  void whatIsExtractedIsInjected() throws Exception {
    Path out = directory.resolve("out");
    Path fresh = directory.resolve("new.qcow2");
    Cli.ok("extract", before(), "-o", out, "-q");
    Cli.ok("inject", out, "-o", fresh, "-q");
    assertArrayEquals(original, Files.readAllBytes(fresh));
    new QemuImage(image).io("write -q -P 9 4k 64k");
    byte[] grown = Files.readAllBytes(image);
    assertTrue(grown.length > original.length);
    Cli.ok("inject", out, "-o", fresh, "-q");
    assertArrayEquals(grown, Files.readAllBytes(fresh));
  }

  @Test
  void aMacAddressIsSetInTheImage() throws Exception {
    Path fresh = directory.resolve("new.qcow2");
    Cli.ok("set-mac", before(), "52:54:00:12:34:56", "52:54:00:ab:cd:ef", "-o", fresh);
    assertTrue(Cli.ok("nics", fresh + "#before").contains("52:54:00:ab:cd:ef"));
    assertTrue(Cli.ok("nics", fresh + "#after").contains("52:54:00:12:34:56"));
    new QemuImage(fresh).check();
  }

  @Test
  void aDirtyImageIsReadWithAWarningAndNotWritten() throws Exception {
    byte[] dirty = original.clone();
    dirty[79] |= 1;
    Files.write(image, dirty);
    assertTrue(Cli.ok("info", image).contains("warning    dirty: it was not closed properly"));
    assertTrue(Cli.ok("info", before()).contains("warning: dirty: it was not closed properly"));
    Cli cli = Cli.run("set", before(), "cpu[0]/rbx=7", "--in-place");
    assertEquals(1, cli.status());
    assertTrue(cli.err().contains("cannot be written to: it is dirty"), cli.err());
    assertArrayEquals(dirty, Files.readAllBytes(image));
  }
}
