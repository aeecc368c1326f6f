package dev.vmstate.cli;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.vmstate.compress.Compression;
import dev.vmstate.fixtures.LibvirtSaveBuilder;
import dev.vmstate.fixtures.Qcow2Builder;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.tukaani.xz.XZInputStream;

/** What is dropped, renamed and put back in every container, with a real stream of QEMU 7.2. */
class StructureCommandTest {
  private static final String CARD = "0000:00:02.0/e1000";

  /** An edit, and the one that takes it back; {@code OLD} stands for the original. */
  private static final String PAIRS =
      """
      set machine=pc-q35-11.1-long          | set machine=pc-i440fx-7.2
      rename-block pc.ram ram-node-0        | rename-block ram-node-0 pc.ram
      rename-section timer timers-of-a-name | rename-section timers-of-a-name timer
      drop-subsection 0000:00:02.0/e1000/e1000/full_mac_state | add-subsection 0000:00:02.0/e1000/e1000/full_mac_state --from OLD
      """;

  @TempDir private Path directory;
  private Path plain;
  private byte[] stream;

  @BeforeEach
  void theSample() throws Exception {
    plain = Cli.sample(directory);
    stream = Files.readAllBytes(plain);
  }

  private static Object[] words(String edit, Object snapshot, Object old, Object... more) {
    List<Object> words = new ArrayList<>(List.of(edit.strip().split(" ")));
    words.replaceAll(word -> word.equals("OLD") ? old : word);
    words.add(1, snapshot);
    words.addAll(List.of(more));
    return words.toArray();
  }

  private static void run(String edit, Object snapshot, Object old, Object... more) {
    Cli.ok(words(edit, snapshot, old, more));
  }

  /** There and back again; the plain stream edited the same way is the judge of what is between. */
  private void thereAndBack(Path file, String inside, String edit, String back) throws Exception {
    byte[] original = Files.readAllBytes(file);
    Path there = directory.resolve("there-" + file.getFileName());
    Path home = directory.resolve("home-" + file.getFileName());
    run(edit, file + inside, file + inside, "-o", there, "-q");
    assertArrayEquals(original, Files.readAllBytes(file));
    Path edited = directory.resolve("edited.mig");
    run(edit, plain, plain, "-o", edited, "-q");
    Path converted = directory.resolve("converted.mig");
    Cli.ok("convert", there + inside, "--to", "qemu-stream", "-o", converted, "-q");
    assertArrayEquals(Files.readAllBytes(edited), Files.readAllBytes(converted));
    run(back, there + inside, file + inside, "-o", home, "-q");
    Cli.ok("convert", home + inside, "--to", "qemu-stream", "-o", converted, "-q");
    assertArrayEquals(stream, Files.readAllBytes(converted), "back");
  }

  @ParameterizedTest
  @CsvSource(delimiter = '|', textBlock = PAIRS)
  void inAPlainStream(String edit, String back) throws Exception {
    thereAndBack(plain, "", edit, back);
  }

  @ParameterizedTest
  @CsvSource(delimiter = '|', textBlock = PAIRS)
  void inAMappedRamFile(String edit, String back) throws Exception {
    Path mapped = directory.resolve("vm.mapped");
    Cli.ok("convert", plain, "--to", "qemu-mapped-ram", "-o", mapped, "-q");
    byte[] original = Files.readAllBytes(mapped);
    Path there = directory.resolve("there.mapped");
    Path home = directory.resolve("home.mapped");
    run(edit, mapped, mapped, "-o", there, "-q");
    run(back, there, mapped, "-o", home, "-q");
    assertArrayEquals(original, Files.readAllBytes(home));
    assertTrue(Cli.ok("diff", mapped, there, "--json").contains("\"pages\""));
    // The pages stay where they are, so it can be done in place as well.
    run(edit, mapped, mapped, "--in-place", "-q");
    assertArrayEquals(Files.readAllBytes(there), Files.readAllBytes(mapped));
    Cli.ok("undo", mapped, "-q");
    assertArrayEquals(original, Files.readAllBytes(mapped));
  }

  @ParameterizedTest
  @CsvSource(delimiter = '|', textBlock = PAIRS)
  void inADiskImage(String edit, String back) throws Exception {
    Qcow2Builder builder = new Qcow2Builder(3, 12).diskSize(1 << 20);
    builder.disk(0, new byte[] {1, 2, 3});
    builder.snapshot("before", stream).loaded();
    builder.snapshot("after", stream.clone());
    Path image = Files.write(directory.resolve("disk.qcow2"), builder.build());
    thereAndBack(image, "#before", edit, back);
    Path there = directory.resolve("there-disk.qcow2");
    Path after = directory.resolve("after.mig");
    Cli.ok("convert", there + "#after", "--to", "qemu-stream", "-o", after, "-q");
    assertArrayEquals(stream, Files.readAllBytes(after), "the other snapshot");
  }

  @ParameterizedTest
  @CsvSource(delimiter = '|', textBlock = PAIRS)
  void inALibvirtSaveImage(String edit, String back) throws Exception {
    byte[] image = new LibvirtSaveBuilder().cookie("<cookie/>").build(stream);
    thereAndBack(Files.write(directory.resolve("vm.save"), image), "", edit, back);
  }

  @ParameterizedTest
  @CsvSource(delimiter = '|', textBlock = PAIRS)
  void inACompressedStream(String edit, String back) throws Exception {
    Path packed = directory.resolve("vm.mig.zst");
    try (OutputStream out = Compression.ZSTD.compress(Files.newOutputStream(packed))) {
      out.write(stream);
    }
    thereAndBack(packed, "", edit, back);
    Cli refused = Cli.run(words(edit, packed, packed, "--in-place"));
    assertEquals(1, refused.status());
    assertTrue(refused.err().contains("the stream is compressed (zstd)"), refused.err());
  }

  /** libvirt starts QEMU by the domain XML, so that has to say the same machine. */
  @Test
  void theMachineOfASparseLibvirtImageChangesInItsDomainXmlToo() throws Exception {
    Path image = directory.resolve("small.save");
    byte[] original;
    try (InputStream in =
        new XZInputStream(
            StructureCommandTest.class.getResourceAsStream("libvirt/small-sparse.save.xz"))) {
      original = in.readAllBytes();
    }
    Files.write(image, original);
    Path fresh = directory.resolve("new.save");
    Cli.ok("set", image, "machine=pc-i440fx-10.0", "-o", fresh, "-q");
    assertTrue(Cli.ok("get", fresh, "domain.xml").contains("machine='pc-i440fx-10.0'"));
    assertTrue(Cli.ok("info", fresh).contains("pc-i440fx-10.0"));
    Cli.ok("set", image, "machine=pc-i440fx-10.0", "--in-place", "-q");
    assertArrayEquals(Files.readAllBytes(fresh), Files.readAllBytes(image));
    Path back = directory.resolve("back.save");
    Cli.ok("set", fresh, "machine=pc-i440fx-7.2", "-o", back, "-q");
    assertArrayEquals(original, Files.readAllBytes(back));
  }

  @Test
  void theReportNamesWhatChangedAndADryRunWritesNothing() throws Exception {
    JsonNode json =
        new ObjectMapper().readTree(Cli.ok("drop-section", plain, CARD, "--dry-run", "--json"));
    JsonNode change = json.at("/structure/0");
    assertEquals(CARD, change.at("/path").asText());
    assertEquals("section dropped", change.at("/change").asText());
    assertEquals(0, change.at("/bytesAfter").asInt());
    assertTrue(change.at("/bytesBefore").asInt() > 100_000);
    assertArrayEquals(stream, Files.readAllBytes(plain));
    try (Stream<Path> files = Files.list(directory)) {
      assertEquals(List.of(plain), files.toList());
    }
  }

  @Test
  void aSectionLeavesInPlaceAndComesBackByUndo() throws Exception {
    Path fresh = directory.resolve("new.mig");
    Cli.ok("drop-section", plain, CARD, "-o", fresh, "-q");
    Cli.ok("drop-section", plain, CARD, "--in-place", "-q");
    assertArrayEquals(Files.readAllBytes(fresh), Files.readAllBytes(plain));
    assertTrue(Files.size(plain) < stream.length);
    Cli.ok("undo", plain, "-q");
    assertArrayEquals(stream, Files.readAllBytes(plain));
  }

  @Test
  void whatWouldMoveAllOfRamIsNotDoneInPlace() throws Exception {
    Cli cli = Cli.run("set", plain, "machine=pc", "--in-place");
    assertEquals(1, cli.status());
    assertTrue(cli.err().contains("all of RAM would have to move"), cli.err());
    Cli.ok("set", plain, "machine=pc-i440fx-5.2", "--in-place", "-q"); // as long as the old one
    assertTrue(Cli.ok("info", plain).contains("pc-i440fx-5.2"));
  }

  @Test
  void aBufferIsSetFromAFileOfItsLength() throws Exception {
    Path data = Files.write(directory.resolve("data"), new byte[65536]);
    Path fresh = directory.resolve("new.mig");
    Cli.ok("set", plain, CARD + "/tx.data=@" + data, "-o", fresh, "-q");
    assertEquals("00".repeat(65536), Cli.ok("get", fresh, CARD + "/tx.data").strip().split("=")[1]);
    Files.write(data, new byte[65535]);
    Cli cli = Cli.run("set", plain, CARD + "/tx.data=@" + data, "-o", fresh);
    assertEquals(1, cli.status());
    assertTrue(cli.err().contains("has 65536 bytes, and which field says so"), cli.err());
  }

  @Test
  void anArrayGetsAnotherLengthWithTheFieldThatCountsIt() throws Exception {
    Path fresh = directory.resolve("new.mig");
    String old = Cli.ok("get", plain, "PCIBUS/irq_count").strip().split("=")[1];
    Cli.ok("set", plain, "PCIBUS/irq_count=" + old + " 5", "-o", fresh, "-q");
    assertEquals(old + " 5", Cli.ok("get", fresh, "PCIBUS/irq_count").strip().split("=")[1]);
    assertEquals(
        "" + (old.split(" ").length + 1),
        Cli.ok("get", fresh, "PCIBUS/nirq").strip().split("=")[1]);
    Path back = directory.resolve("back.mig");
    Cli.ok("set", fresh, "PCIBUS/irq_count=" + old, "-o", back, "-q");
    assertArrayEquals(stream, Files.readAllBytes(back));
  }
}
