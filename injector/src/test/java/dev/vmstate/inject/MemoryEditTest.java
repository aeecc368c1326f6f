package dev.vmstate.inject;

import static dev.vmstate.inject.Edits.assertSameBytes;
import static dev.vmstate.inject.TestMachine.BIOS;
import static dev.vmstate.inject.TestMachine.BIOS_HIGH;
import static dev.vmstate.inject.TestMachine.BIOS_LOW;
import static dev.vmstate.inject.TestMachine.PAGE;
import static dev.vmstate.inject.TestMachine.RAM;
import static dev.vmstate.inject.TestMachine.VRAM;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vmstate.exchange.Extraction;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class MemoryEditTest {
  @TempDir Path directory;

  static LongStream seeds() {
    return TestMachine.seeds(60);
  }

  /** What should come out, made by hand from the old stream and the oracle's memory. */
  static byte[] expected(TestMachine machine, byte[] stream, Map<String, byte[]> edited) {
    byte[] patched = stream.clone();
    ByteArrayOutputStream added = new ByteArrayOutputStream();
    for (Map.Entry<String, byte[]> block : edited.entrySet()) {
      byte[] was = machine.memory(block.getKey());
      boolean named = false;
      for (int page = 0; page < was.length / PAGE; page++) {
        int from = page * PAGE;
        int to = from + PAGE;
        if (Arrays.equals(was, from, to, block.getValue(), from, to)) {
          continue;
        }
        if (machine.isData(block.getKey(), page)) {
          int at = machine.dataAt(stream, block.getKey(), page);
          System.arraycopy(block.getValue(), from, patched, at, PAGE);
        } else {
          long word = from | 0x08 | (named ? 0x20 : 0);
          added.writeBytes(ByteBuffer.allocate(8).putLong(word).array());
          if (!named) {
            added.write(block.getKey().length());
            added.writeBytes(block.getKey().getBytes(StandardCharsets.US_ASCII));
          }
          named = true;
          added.write(block.getValue(), from, PAGE);
        }
      }
    }
    int eos = machine.appendAt(stream);
    return ByteBuffer.allocate(stream.length + added.size())
        .put(patched, 0, eos)
        .put(added.toByteArray())
        .put(patched, eos, patched.length - eos)
        .array();
  }

  /** Random edits, written to core and oracle alike. */
  static Map<String, byte[]> edit(TestMachine machine, Path core, SplittableRandom random)
      throws IOException {
    Map<String, byte[]> edited = new LinkedHashMap<>(); // in the stream's order
    edited.put(RAM, machine.memory(RAM));
    edited.put(BIOS, machine.memory(BIOS));
    int count = 1 + random.nextInt(40);
    for (int i = 0; i < count; i++) {
      boolean ram = random.nextInt(4) > 0;
      byte[] memory = edited.get(ram ? RAM : BIOS);
      int at = random.nextInt(memory.length);
      byte[] bytes =
          new byte
              [Math.min(
                  1 + random.nextInt(random.nextInt(100) == 0 ? 9000 : 9), memory.length - at)];
      random.nextBytes(bytes);
      if (random.nextInt(8) == 0) {
        Arrays.fill(bytes, (byte) 0);
      }
      System.arraycopy(bytes, 0, memory, at, bytes.length);
      long physical = ram ? at : (random.nextBoolean() ? BIOS_HIGH : BIOS_LOW) + at;
      Edits.memory(core, physical, bytes);
    }
    return edited;
  }

  @ParameterizedTest(name = "-Dvmstate.seed={0}")
  @MethodSource("seeds")
  void exactlyTheEditedBytesChange(long seed) throws IOException {
    TestMachine machine = TestMachine.random(seed);
    Path snapshot = machine.write(directory.resolve("vm.mig"));
    byte[] stream = Files.readAllBytes(snapshot);
    Path vm = directory.resolve("vm");
    TestMachine.extract(snapshot, vm);
    Map<String, byte[]> edited =
        edit(machine, vm.resolve(Extraction.CORE), new SplittableRandom(seed));
    Path output = directory.resolve("new.mig");
    InjectionReport report = Edits.inject(vm, output);
    byte[] expected = expected(machine, stream, edited);
    assertSameBytes(expected, Files.readAllBytes(output), "new snapshot");
    assertSameBytes(stream, Files.readAllBytes(snapshot), "the old one");
    long bytes = 0;
    for (Map.Entry<String, byte[]> block : edited.entrySet()) {
      assertSameBytes(block.getValue(), Edits.memoryOf(output, block.getKey()), block.getKey());
      byte[] was = machine.memory(block.getKey());
      for (int i = 0; i < was.length; i++) {
        bytes += was[i] == block.getValue()[i] ? 0 : 1;
      }
    }
    assertSameBytes(machine.memory(VRAM), Edits.memoryOf(output, VRAM), VRAM);
    assertEquals(bytes, report.memoryBytes());
    assertTrue(report.appendedPages() <= report.pages());

    // The same in place, and back again.
    InjectionReport inPlace = Edits.inPlace(vm, Opener.PLAIN);
    assertEquals(report.memoryBytes(), inPlace.memoryBytes());
    assertSameBytes(expected, Files.readAllBytes(snapshot), "in place");
    if (!inPlace.isEmpty()) {
      InPlace.undo(snapshot);
    }
    assertSameBytes(stream, Files.readAllBytes(snapshot), "taken back");
    assertFalse(Files.exists(UndoJournal.beside(snapshot)));
  }

  @ParameterizedTest(name = "-Dvmstate.seed={0}")
  @MethodSource("seeds")
  void whatWasInjectedCanBeExtractedEditedAndInjectedAgain(long seed) throws IOException {
    Path file = TestMachine.random(seed).write(directory.resolve("vm0.mig"));
    SplittableRandom random = new SplittableRandom(seed);
    byte[] memory = Edits.memoryOf(file, RAM);
    for (int round = 0; round < 3; round++) {
      Path vm = directory.resolve("vm" + round);
      TestMachine.extract(file, vm, Edits.coreOnly());
      for (int i = 0; i < 20; i++) {
        int at = random.nextInt(memory.length);
        memory[at] = (byte) random.nextInt(256);
        Edits.memory(vm.resolve(Extraction.CORE), at, memory[at]);
      }
      file = directory.resolve("vm%d.mig".formatted(round + 1));
      Edits.inject(vm, file);
      assertSameBytes(memory, Edits.memoryOf(file, RAM), "round " + round);
    }
  }

  private TestMachine machine(TestMachine.Items... passes) {
    TestMachine machine = new TestMachine(1);
    for (TestMachine.Items pass : passes) {
      machine.part(pass);
    }
    return machine;
  }

  private Path extracted(TestMachine machine) throws IOException {
    Path snapshot = machine.write(directory.resolve("vm.mig"));
    TestMachine.extract(snapshot, directory.resolve("vm"), Edits.coreOnly());
    return directory.resolve("vm").resolve(Extraction.CORE);
  }

  private byte[] injected() throws IOException {
    return injectedTo("new.mig");
  }

  private byte[] injectedTo(String name) throws IOException {
    Edits.inject(directory.resolve("vm"), directory.resolve(name));
    return Files.readAllBytes(directory.resolve(name));
  }

  @Test
  void onlyTheLastOfAPagesRecordsChanges() throws IOException {
    TestMachine machine =
        machine(
            pass -> pass.pages(RAM, 0, 3),
            pass -> pass.page(RAM, 1).fill(RAM, 1, 0).page(RAM, 1),
            pass -> pass.page(RAM, 0));
    byte[] stream = machine.stream();
    Path core = extracted(machine);
    Edits.memory(core, PAGE + 100, (byte) 1, (byte) 2);
    int at = machine.dataAt(stream, RAM, 1) + 100;
    byte[] expected = stream.clone();
    expected[at] = 1;
    expected[at + 1] = 2;
    assertSameBytes(expected, injected(), "new");
  }

  @Test
  void aPageOfDataEditedToZerosStaysARecordOfData() throws IOException {
    TestMachine machine = machine(pass -> pass.pages(RAM, 0, 3));
    byte[] stream = machine.stream();
    Edits.memory(extracted(machine), PAGE, new byte[PAGE]);
    byte[] expected = stream.clone();
    int at = machine.dataAt(stream, RAM, 1);
    Arrays.fill(expected, at, at + PAGE, (byte) 0);
    assertSameBytes(expected, injected(), "new");
  }

  @Test
  void anEditOverABlocksAddressesAndPagesReachesBothPages() throws IOException {
    TestMachine machine = machine(pass -> pass.page(RAM, 0).fill(RAM, 1, 0));
    byte[] stream = machine.stream();
    Edits.memory(extracted(machine), PAGE - 1, (byte) 1, (byte) 2);
    byte[] ram = machine.memory(RAM);
    ram[PAGE - 1] = 1;
    ram[PAGE] = 2;
    assertSameBytes(expected(machine, stream, Map.of(RAM, ram)), injected(), "new");
  }

  @Test
  void addedRecordsNameTheirBlockOnceEach() throws IOException {
    TestMachine machine = machine(pass -> pass.page(RAM, 0).page(VRAM, 1));
    byte[] stream = machine.stream();
    Path core = extracted(machine);
    Edits.memory(core, 9 * PAGE, (byte) 1);
    Edits.memory(core, 5 * PAGE, (byte) 2);
    Edits.memory(core, BIOS_HIGH, (byte) 3);
    Edits.memory(core, BIOS_LOW + 5 * PAGE, (byte) 4);
    byte[] now = injected();
    int at = machine.appendAt(stream);
    assertEquals(0x5008, ByteBuffer.wrap(now).getLong(at));
    assertEquals(6, now[at + 8]);
    int next = at + 8 + 7 + PAGE;
    assertEquals(0x9028, ByteBuffer.wrap(now).getLong(next));
    next += 8 + PAGE;
    assertEquals(0x0008, ByteBuffer.wrap(now).getLong(next));
    assertEquals(7, now[next + 8]);
    next += 8 + 8 + PAGE;
    assertEquals(0x5028, ByteBuffer.wrap(now).getLong(next));
    next += 8 + PAGE;
    assertEquals(0x10, ByteBuffer.wrap(now).getLong(next));
    assertEquals(stream.length - at, now.length - next);
  }

  @Test
  void moreThanAMegabyteMayBeAdded() throws IOException {
    TestMachine machine =
        new TestMachine(1).ramPages(700).part(pass -> pass.page(BIOS, 0).fill(RAM, 300, 9));
    byte[] stream = machine.stream();
    Path core = extracted(machine);
    byte[] ram = machine.memory(RAM);
    byte[] random = new byte[(3 << 20) / 2];
    machine.random.nextBytes(random);
    System.arraycopy(random, 0, ram, 1 << 20, random.length);
    Edits.memory(core, 1 << 20, random);
    byte[] expected = expected(machine, stream, Map.of(RAM, ram));
    assertTrue(expected.length > stream.length + (1 << 20));
    assertSameBytes(expected, injected(), "new");
    Edits.inPlace(directory.resolve("vm"), Opener.PLAIN);
    assertSameBytes(expected, Files.readAllBytes(directory.resolve("vm.mig")), "in place");
    InPlace.undo(directory.resolve("vm.mig"));
    assertSameBytes(stream, Files.readAllBytes(directory.resolve("vm.mig")), "taken back");
  }

  @Test
  void anOutputThatIsTheSnapshotOrTheCoreIsRefused() throws IOException {
    TestMachine machine = machine(pass -> pass.page(RAM, 0));
    Path core = extracted(machine);
    Path snapshot = directory.resolve("vm.mig");
    byte[] before = Files.readAllBytes(snapshot);
    Edits.memory(core, 5, (byte) 1);
    Path symbolic = Files.createSymbolicLink(directory.resolve("symbolic"), snapshot);
    Path hard = Files.createLink(directory.resolve("hard"), snapshot);
    Path coreLink = Files.createSymbolicLink(directory.resolve("coreLink"), core);
    Path vm = directory.resolve("vm");
    for (Path output : List.of(snapshot, symbolic, hard, core, coreLink, directory)) {
      IOException e = assertThrows(IOException.class, () -> Edits.inject(vm, output));
      assertTrue(e.getMessage().startsWith(output + ": "), e.getMessage());
    }
    assertThrows(IOException.class, () -> Edits.inject(vm, directory.resolve("no/new.mig")));
    assertSameBytes(before, Files.readAllBytes(snapshot), "the snapshot");
  }

  @Test
  void aNewFileMakesTheJournalOfTheOneItReplacesMeaningless() throws IOException {
    TestMachine machine = machine(pass -> pass.page(RAM, 0));
    Path core = extracted(machine);
    Path output = directory.resolve("new.mig");
    Files.write(output, new byte[100]);
    Path journal = UndoJournal.beside(output);
    Files.write(journal, new byte[10]);
    Edits.memory(core, 5, (byte) 1);
    injected();
    assertFalse(Files.exists(journal));
  }

  @Test
  void aReportListsSomeRangesAndCountsTheRest() throws IOException {
    TestMachine machine = machine(pass -> pass.pages(RAM, 0, 96));
    Path core = extracted(machine);
    byte[] ram = machine.memory(RAM);
    for (int i = 0; i < ram.length; i += 32) {
      ram[i] ^= 1;
    }
    Edits.memory(core, 0, ram);
    InjectionReport report = Edits.inject(directory.resolve("vm"), directory.resolve("new.mig"));
    assertEquals(ram.length / 32, report.memoryBytes());
    assertEquals(InjectionReport.MOST_RANGES, report.ranges().size());
    assertEquals(ram.length / 32, report.ranges().size() + report.moreRanges());
    assertEquals(96, report.pages());
  }

  /**
   * A page that came compressed, or as a delta, is added; behind compressed ones in a section of
   * its own, for QEMU inflates them in other threads until a section ends.
   */
  @Test
  void packedPagesAreReplacedByRecordsBehindThem() throws IOException {
    for (boolean compressed : new boolean[] {true, false}) {
      byte[] noise = new byte[PAGE];
      new SplittableRandom(3).nextBytes(noise);
      TestMachine machine = new TestMachine(1);
      machine.end(pass -> pass.page(RAM, 0).packed(RAM, 5, noise, compressed));
      Path snapshot = machine.write(directory.resolve("vm" + compressed + ".mig"));
      Path vm = directory.resolve("vm" + compressed);
      TestMachine.extract(snapshot, vm);
      Edits.memory(vm.resolve(Extraction.CORE), 5 * PAGE + 7, new byte[] {1, 2, 3});
      byte[] stream = machine.stream();
      byte[] page = noise.clone();
      System.arraycopy(new byte[] {1, 2, 3}, 0, page, 7, 3);
      ByteArrayOutputStream added = new ByteArrayOutputStream();
      if (compressed) { // EOS, footer, PART of section 2
        added.writeBytes(new byte[] {0, 0, 0, 0, 0, 0, 0, 0x10, 0x7e, 0, 0, 0, 2, 2, 0, 0, 0, 2});
      }
      added.writeBytes(new byte[] {0, 0, 0, 0, 0, 0, 0x50, 0x08, 6});
      added.writeBytes("pc.ram".getBytes(StandardCharsets.US_ASCII));
      added.writeBytes(page);
      int eos = machine.appendAt(stream);
      byte[] expected =
          ByteBuffer.allocate(stream.length + added.size())
              .put(stream, 0, eos)
              .put(added.toByteArray())
              .put(stream, eos, stream.length - eos)
              .array();
      Path output = directory.resolve("new" + compressed + ".mig");
      Edits.inject(vm, output);
      assertSameBytes(expected, Files.readAllBytes(output), "new snapshot");
      byte[] memory = machine.memory(RAM);
      System.arraycopy(page, 0, memory, 5 * PAGE, PAGE);
      assertSameBytes(memory, Edits.memoryOf(output, RAM), "memory");
    }
  }
}
