package dev.vmstate.inject;

import static dev.vmstate.inject.Edits.assertSameBytes;
import static dev.vmstate.inject.TestMachine.BIOS;
import static dev.vmstate.inject.TestMachine.BIOS_HIGH;
import static dev.vmstate.inject.TestMachine.BIOS_LOW;
import static dev.vmstate.inject.TestMachine.PAGE;
import static dev.vmstate.inject.TestMachine.RAM;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vmstate.elf.PrStatus;
import dev.vmstate.elf.QemuCpuState;
import dev.vmstate.exchange.Extraction;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.stream.LongStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Cores that we did not write. */
class ForeignCoreTest {
  @TempDir Path directory;
  private Path snapshot;
  private Path core;
  private Path output;
  private TestMachine machine;
  private byte[] stream;
  private byte[] ram;
  private byte[] low;
  private byte[] high;

  @BeforeEach
  void machine() throws IOException {
    machine(TestMachine.random(3));
  }

  private void machine(TestMachine built) throws IOException {
    machine = built;
    stream = built.stream();
    snapshot = built.write(directory.resolve("vm.mig"));
    core = directory.resolve("dump.elf");
    output = directory.resolve("new.mig");
    ram = built.memory(RAM);
    low = built.memory(BIOS);
    high = built.memory(BIOS);
  }

  /** Ranges in another order than ours, and one this machine does not have. */
  private void dump(byte[] notes) throws IOException {
    ForeignCore.write(
        core,
        notes,
        new ForeignCore.Load(BIOS_HIGH, high.length, high),
        new ForeignCore.Load(0x5000, ram.length - 0x5000, part(ram, 0x5000, ram.length)),
        new ForeignCore.Load(1L << 36, 10, new byte[10]),
        new ForeignCore.Load(BIOS_LOW, low.length, low),
        new ForeignCore.Load(0, 0x5000, part(ram, 0, 0x5000)));
  }

  private static byte[] part(byte[] bytes, int from, int to) {
    return Arrays.copyOfRange(bytes, from, to);
  }

  private byte[] injected() throws IOException {
    Edits.core(snapshot, core, output);
    return Files.readAllBytes(output);
  }

  private byte[] expected(byte[] newRam, byte[] newBios) {
    Map<String, byte[]> edited = new LinkedHashMap<>();
    edited.put(RAM, newRam);
    edited.put(BIOS, newBios);
    return MemoryEditTest.expected(machine, stream, edited);
  }

  static LongStream seeds() {
    return TestMachine.seeds(30);
  }

  @ParameterizedTest(name = "-Dvmstate.seed={0}")
  @MethodSource("seeds")
  void editsInItReachTheSnapshot(long seed) throws IOException {
    machine(TestMachine.random(seed));
    dump(new byte[0]);
    assertSameBytes(stream, injected(), "no edit");
    var random = new java.util.SplittableRandom(seed);
    byte[] bios = machine.memory(BIOS);
    for (int i = 0; i < 30; i++) {
      ram[random.nextInt(ram.length)] = (byte) random.nextInt(256);
      int at = i * 1000 + random.nextInt(1000);
      bios[at] ^= (byte) (1 + random.nextInt(255));
      int where = random.nextInt(3); // in one of the two copies, or in both
      high[at] = where == 0 ? high[at] : bios[at];
      low[at] = where == 1 ? low[at] : bios[at];
    }
    dump(new byte[0]);
    assertSameBytes(expected(ram, bios), injected(), "edited");
  }

  @Test
  void copiesOfTheSameRamThatContradictAreNamedByAddress() throws IOException {
    low[0x123] ^= 1;
    high[0x123] ^= 2;
    dump(new byte[0]);
    IOException e = assertThrows(IOException.class, this::injected);
    assertFalse(Files.exists(output));
    assertTrue(e.getMessage().contains("0x%x".formatted(BIOS_LOW + 0x123)), e.getMessage());
    assertTrue(e.getMessage().contains("0x%x".formatted(BIOS_HIGH + 0x123)), e.getMessage());
  }

  @Test
  void whatIsNotInTheFileStaysAsItIs() throws IOException {
    ram[0x2000 + 99] ^= 1;
    ram[0x2000 + 100] ^= 1; // beyond p_filesz
    ForeignCore.write(
        core, new byte[0], new ForeignCore.Load(0x1800, 0x10_000, part(ram, 0x1800, 0x2000 + 100)));
    ram[0x2000 + 100] ^= 1;
    assertSameBytes(expected(ram, machine.memory(BIOS)), injected(), "partly covered");
  }

  @Test
  void aPageInPiecesIsComparedInPieces() throws IOException {
    ram[0x3000] ^= 1;
    ram[0x3010] ^= 2;
    ram[0x3fff] ^= 3;
    ForeignCore.write(
        core,
        new byte[0],
        new ForeignCore.Load(0x3ff0, 0x10, part(ram, 0x3ff0, 0x4000)),
        new ForeignCore.Load(0x3000, 8, part(ram, 0x3000, 0x3008)),
        new ForeignCore.Load(0x3008, 1, part(ram, 0x3008, 0x3009)));
    ram[0x3010] ^= 2; // in none of them
    assertSameBytes(expected(ram, machine.memory(BIOS)), injected(), "in pieces");
  }

  /** A short piece inside a long one hid the rest of the long one once. */
  @Test
  void aCopyOfALittleOfABlockDoesNotHideTheRest() throws IOException {
    machine(new TestMachine(1).part(pass -> pass.pages(BIOS, 0, 16)));
    high[9 * PAGE + 5] ^= 1;
    ForeignCore.write(
        core,
        new byte[0],
        new ForeignCore.Load(BIOS_HIGH, high.length, high),
        new ForeignCore.Load(BIOS_LOW + 8 * PAGE, PAGE, part(low, 8 * PAGE, 9 * PAGE)));
    assertSameBytes(expected(ram, high), injected(), "new");
  }

  @Test
  void itsNotesAreReadAsOursAre() throws IOException {
    Path vm = directory.resolve("vm");
    TestMachine.extract(snapshot, vm);
    byte[] ours = Files.readAllBytes(vm.resolve(Extraction.CORE));
    int from = (int) Edits.noteAt(vm.resolve(Extraction.CORE), PrStatus.OWNER, 0) - 20;
    int to =
        (int) Edits.noteAt(vm.resolve(Extraction.CORE), QemuCpuState.OWNER, 1) + QemuCpuState.BYTES;
    byte[] notes = part(ours, from, to);
    dump(notes);
    assertSameBytes(stream, injected(), "no edit");
    Edits.note(core, QemuCpuState.OWNER, 1, 8 + 8 * 16, 0x1357L);
    InjectionReport report = Edits.core(snapshot, core, output);
    assertEquals("cpu[1]/env.eip", report.fields().get(0).path());
    assertEquals(1, report.fields().size());
  }
}
