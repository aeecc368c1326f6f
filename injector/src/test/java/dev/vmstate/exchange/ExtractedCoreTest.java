package dev.vmstate.exchange;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.vmstate.bytes.FormatException;
import dev.vmstate.container.FileSource;
import dev.vmstate.core.elf.CoreLayout;
import dev.vmstate.elf.CoreFile;
import dev.vmstate.fixtures.MigrationStreamBuilder;
import dev.vmstate.inject.TestMachine;
import dev.vmstate.memory.MemoryMap;
import dev.vmstate.snapshot.StreamSnapshot;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class ExtractedCoreTest {
  @TempDir Path directory;

  static LongStream seeds() {
    return TestMachine.seeds(20);
  }

  @ParameterizedTest(name = "-Dvmstate.seed={0}")
  @MethodSource("seeds")
  void everyMappedByteOfTheCoreIsWhatWasSentLast(long seed) throws IOException {
    TestMachine machine = TestMachine.random(seed);
    Path snapshot = machine.write(directory.resolve("vm.mig"));
    TestMachine.extract(snapshot, directory);
    try (StreamSnapshot opened = StreamSnapshot.open(snapshot);
        FileSource core = new FileSource(directory.resolve(Extraction.CORE))) {
      CoreFile file = CoreFile.open(core);
      assertFalse(opened.memoryMap().ranges().isEmpty());
      for (MemoryMap.Range range : opened.memoryMap().ranges()) {
        byte[] block = machine.memory(opened.blocks().get(range.block()).name());
        byte[] bytes = new byte[(int) range.bytes()];
        file.readPhysical(range.start(), ByteBuffer.wrap(bytes));
        int from = (int) range.offset();
        assertEquals(
            -1,
            Arrays.mismatch(bytes, 0, bytes.length, block, from, from + bytes.length),
            range.toString());
      }
    }
  }

  @Test
  void aPageSentAsDataAndThenAsZerosReadsAsZeros() throws IOException {
    Path snapshot =
        new TestMachine(1)
            .part(pass -> pass.pages(TestMachine.RAM, 0, 4).fill(TestMachine.RAM, 5, 7))
            .end(pass -> pass.fill(TestMachine.RAM, 2, 0).fill(TestMachine.RAM, 5, 0))
            .write(directory.resolve("vm.mig"));
    TestMachine.extract(snapshot, directory);
    for (int page : new int[] {2, 5}) {
      assertArrayEquals(new byte[4096], page(page));
    }
    assertFalse(Arrays.equals(new byte[4096], page(3)));
  }

  private byte[] page(int page) throws IOException {
    try (FileSource core = new FileSource(directory.resolve(Extraction.CORE))) {
      byte[] bytes = new byte[4096];
      CoreFile.open(core).readPhysical(page * 4096L, ByteBuffer.wrap(bytes));
      return bytes;
    }
  }

  @Test
  void zeroPagesAndPagesNeverSentAreHoles() throws Exception {
    Path snapshot =
        new TestMachine(1)
            .ramPages(128)
            .part(pass -> pass.page(TestMachine.RAM, 0).fills(TestMachine.RAM, 1, 99, 0))
            .write(directory.resolve("vm.mig"));
    TestMachine.extract(snapshot, directory);
    Path core = directory.resolve(Extraction.CORE);
    long length = Files.size(core);
    assertEquals((4L << 20) + (128 + 16 + 8) * 4096, length);
    long allocated = 512 * blocks(core);
    assumeTrue(allocated < length, "a file system without holes");
    assertTrue(allocated <= 16 * 4096, allocated + " bytes for one page, a header and an end");
  }

  private static long blocks(Path file) throws Exception {
    Process stat = new ProcessBuilder("stat", "-c", "%b", file.toString()).start();
    String out = new String(stat.getInputStream().readAllBytes(), StandardCharsets.UTF_8).trim();
    assumeTrue(stat.waitFor() == 0, "no stat");
    return Long.parseLong(out);
  }

  @Test
  void theManifestSaysWhereEachBlockLies() throws IOException {
    Path snapshot =
        new TestMachine(1)
            .part(pass -> pass.page(TestMachine.RAM, 0))
            .write(directory.resolve("vm.mig"));
    TestMachine.extract(snapshot, directory);
    Manifest manifest = Manifest.read(directory);
    try (StreamSnapshot opened = StreamSnapshot.open(snapshot)) {
      CoreLayout layout = CoreLayout.of(opened.blocks(), 2);
      for (int i = 0; i < 3; i++) {
        assertEquals(layout.offsetOf(i, 0), manifest.blocks().get(i).coreOffset());
        assertEquals(opened.blocks().get(i).name(), manifest.blocks().get(i).name());
      }
    }
    assertEquals(snapshot.toString(), manifest.snapshot());
    assertEquals(Files.size(snapshot), manifest.size());
  }

  @Test
  void aMachineWithoutAnX86CpuHasNoCoreAndIsToldSo() throws IOException {
    Path snapshot =
        new MigrationStreamBuilder("pc-i440fx-7.2")
            .block("pc.ram", 0x10_000)
            .device("timer", 1, fields -> fields.u32("ticks", 1))
            .writeTo(directory.resolve("vm.mig"));
    Path out = directory.resolve("vm");
    IOException e = assertThrows(IOException.class, () -> TestMachine.extract(snapshot, out));
    assertTrue(e.getMessage().contains("--core none"), e.getMessage());
    assertFalse(Files.exists(out));
    TestMachine.extract(snapshot, out, new Extraction.Options(CoreFormat.NONE, true, false, null));
    assertTrue(Files.exists(out.resolve(Extraction.HARDWARE)));
  }

  /** suppress-vmdesc=on: the CPUs are there, but nothing says which byte is which. */
  @Test
  void cpusThatNothingDescribesAreSaidToBeThere() throws IOException {
    TestMachine machine = TestMachine.random(1);
    machine.builder.withoutVmdesc();
    Path snapshot = machine.write(directory.resolve("vm.mig"));
    Path out = directory.resolve("vm");
    IOException e = assertThrows(IOException.class, () -> TestMachine.extract(snapshot, out));
    assertEquals(
        snapshot
            + ": its 'cpu' sections cannot be read: the stream has no device description (machine"
            + " option suppress-vmdesc); --core none writes the rest",
        e.getMessage());
  }

  /** {@code cat a.mig b.mig}: the end tells of b's devices, but the records read are a's. */
  @Test
  void twoStreamsInOneFileAreNotMixed() throws IOException {
    byte[] first = TestMachine.random(1).stream();
    byte[] second = TestMachine.random(2).stream();
    byte[] both = Arrays.copyOf(first, first.length + second.length);
    System.arraycopy(second, 0, both, first.length, second.length);
    Path snapshot = Files.write(directory.resolve("vm.mig"), both);
    Path out = directory.resolve("vm");
    FormatException e =
        assertThrows(FormatException.class, () -> TestMachine.extract(snapshot, out));
    assertTrue(e.getMessage().contains("two streams in one file"), e.getMessage());
    assertEquals(first.length, e.offset());
    assertFalse(Files.exists(out));
  }

  @Test
  void aFailedExtractionLeavesADirectoryThatWasThereBefore() throws IOException {
    Path cut = directory.resolve("cut.mig");
    byte[] stream = TestMachine.random(1).stream();
    Path out = Files.createDirectory(directory.resolve("vm"));
    stream[(int) lastRamWord(stream)] ^= 1;
    Files.write(cut, stream);
    assertThrows(IOException.class, () -> TestMachine.extract(cut, out));
    assertTrue(Files.exists(out));
    assertThrows(IOException.class, () -> TestMachine.extract(cut, directory.resolve("a/b")));
    assertFalse(Files.exists(directory.resolve("a")));
  }

  /** Where a flipped bit leaves both ends alone. */
  private long lastRamWord(byte[] stream) throws IOException {
    Path file = Files.write(directory.resolve("whole.mig"), stream);
    try (StreamSnapshot opened = StreamSnapshot.open(file)) {
      return opened.ram().span().end();
    }
  }

  @Test
  void aFailedExtractionLeavesNoOlderManifestThatWouldSpeakForNewFiles() throws IOException {
    Path snapshot = TestMachine.random(1).write(directory.resolve("vm.mig"));
    Path out = directory.resolve("vm");
    TestMachine.extract(snapshot, out);
    Files.delete(out.resolve(Extraction.HARDWARE));
    Files.createDirectory(out.resolve(Extraction.HARDWARE));
    assertThrows(IOException.class, () -> TestMachine.extract(snapshot, out));
    IOException e = assertThrows(IOException.class, () -> Manifest.read(out));
    assertTrue(e.getMessage().contains("there is no manifest.json"), e.getMessage());
    try (var files = Files.list(out)) {
      assertFalse(files.anyMatch(file -> file.getFileName().toString().startsWith(".vmstate")));
    }
  }
}
