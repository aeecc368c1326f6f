package dev.vmstate.cli;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.vmstate.fixtures.RequiredKvm;
import dev.vmstate.fixtures.guests.GuestProgram;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The guest programs of the fixtures, run, saved and resumed by the command line. */
@Timeout(120)
class ExperimentsTest {
  private static final ObjectMapper JSON = new ObjectMapper();

  @TempDir Path directory;

  @BeforeEach
  void kvm() throws Exception {
    RequiredKvm.require();
  }

  @Test
  void simpleAddsTwoRegistersAndPrintsTheSum() throws Exception {
    Cli cli = run(GuestProgram.SIMPLE);
    assertEquals("4\n", cli.out());
    assertEquals(0, cli.status(), cli::err);
  }

  @Test
  void simpleLeavesItsRegisters() throws Exception {
    JsonNode registers = registers(GuestProgram.SIMPLE);
    expect(registers, "rdx", 0x3f8);
    expect(registers, "rax", 0x0a);
    expect(registers, "rbx", 2);
    expect(registers, "rip", 0x100c);
    expect(registers, "rflags", 2);
  }

  @Test
  void simpleInAddsTwoToADigitAndLeavesTheParityFlag() throws Exception {
    Path input = Files.writeString(directory.resolve("input"), "3");
    assertEquals("5\n", run(GuestProgram.SIMPLE_IN, "--input", input).out());
    JsonNode registers = registers(GuestProgram.SIMPLE_IN, "--input", input);
    expect(registers, "rax", 0x0a);
    expect(registers, "rip", 0x100b);
    expect(registers, "rflags", 6);
    // 4 + 2: 0x36 has four ones, too; 5 + 2: 0x37 has five
    Files.writeString(input, "5");
    expect(registers(GuestProgram.SIMPLE_IN, "--input", input), "rflags", 2);
  }

  @Test
  void simpleMmLoadsAndStoresAreExits() throws Exception {
    Golden.same("run.simple_mm.trace", everything(run(GuestProgram.SIMPLE_MM, "--trace", "mmio")));
    JsonNode registers = registers(GuestProgram.SIMPLE_MM);
    expect(registers, "rax", 0x11);
    expect(registers, "rbx", 0x2222);
    expect(registers, "rcx", 0x44444444);
  }

  @Test
  void simpleInTracesItsPorts() throws Exception {
    Path input = Files.writeString(directory.resolve("input"), "3");
    Cli cli = run(GuestProgram.SIMPLE_IN, "--input", input, "--trace", "io,mmio");
    Golden.same("run.simple_in.trace", everything(cli));
  }

  @Test
  void simpleSsLeavesItsBytesInTheFile() throws Exception {
    Path memory = directory.resolve("memory");
    run(GuestProgram.SIMPLE_SS, "--memory-file", memory);
    byte[] bytes = Files.readAllBytes(memory);
    assertEquals(64 << 10, bytes.length);
    assertEquals(
        "written by the guest\0", new String(bytes, 0x8000, 21, StandardCharsets.US_ASCII));
    for (int i = 0; i < 256; i++) {
      assertEquals((byte) i, bytes[0x9000 + i]);
    }
    assertEquals((byte) 0x55, bytes[0xfffe]);
    assertEquals((byte) 0xaa, bytes[0xffff]);
  }

  @Test
  void whatIsRestoredPrintsTheSameEachTimeAndTheSnapshotStaysAsItWas() throws Exception {
    Path snapshot = directory.resolve("snapshot");
    Cli saved = run(GuestProgram.SIMPLE, "--pause-at", "io:0x3f8", "--snapshot", snapshot);
    assertEquals("", saved.out());
    Map<String, String> before = hashes(snapshot);
    assertEquals(
        List.of("config.json", "memory-ranges", "state.json"), List.copyOf(before.keySet()));
    for (int i = 0; i < 2; i++) {
      Cli resumed = Cli.run("resume", snapshot, "--run");
      assertEquals("4\n", resumed.out(), resumed::err);
      assertEquals(0, resumed.status());
    }
    assertEquals(before, hashes(snapshot));
  }

  @Test
  void aSnapshotCanBeTakenOfWhatWasRestored() throws Exception {
    Path first = directory.resolve("first");
    Path second = directory.resolve("second");
    run(GuestProgram.SIMPLE, "--pause-after-exits", "1", "--snapshot", first);
    Map<String, String> before = hashes(first);
    Cli resumed =
        Cli.run("resume", first, "--run", "--pause-after-exits", "1", "--snapshot", second);
    assertEquals(0, resumed.status(), resumed::err);
    String rest = Cli.run("resume", second, "--run").out();
    assertEquals("4\n", resumed.out() + rest);
    assertEquals(before, hashes(first));
  }

  @ParameterizedTest
  @CsvSource({"1", "2", "3", "10", "60", "61", "62", "63", "64", "65", "100"})
  void aCounterGoesOnWhereverItWasStopped(int exits) throws Exception {
    String whole = run(GuestProgram.LONG64, "--reg", "rdi=5").out();
    StringBuilder expected = new StringBuilder("on the tables it was given\non its own tables\n");
    for (int i = 1; i <= 5; i++) {
      expected.append("counter %08x\n".formatted(i));
    }
    assertEquals(expected.toString(), whole);
    Path snapshot = directory.resolve("snapshot");
    Cli first =
        run(
            GuestProgram.LONG64,
            "--reg",
            "rdi=5",
            "--pause-after-exits",
            Integer.toString(exits),
            "--snapshot",
            snapshot);
    Cli second = Cli.run("resume", snapshot, "--run");
    assertEquals(whole, first.out() + second.out());
  }

  @Test
  void anEndlessGuestIsPausedAfterATime() throws Exception {
    Path snapshot = directory.resolve("snapshot");
    Cli first = run(GuestProgram.LONG64, "--pause-after", "100ms", "--snapshot", snapshot);
    assertTrue(first.out().startsWith("on the tables it was given\n"), first.out());
    Cli second =
        Cli.run(
            "resume",
            snapshot,
            "--run",
            "--pause-after-exits",
            "200",
            "--snapshot",
            directory.resolve("second"));
    String all = first.out() + second.out();
    StringBuilder expected = new StringBuilder("on the tables it was given\non its own tables\n");
    for (int line = 1; expected.length() < all.length(); line++) {
      expected.append("counter %08x\n".formatted(line));
    }
    assertEquals(expected.substring(0, all.length()), all);
    assertTrue(second.out().length() > 50, second.out());
  }

  @ParameterizedTest
  @CsvSource({
    "SWITCH, , real|protected|long|",
    "SMP, , counter 000007d0|",
    "PVH, , pvh|memory 0000000000400000|",
    "MULTIBOOT, , multiboot|upper memory 00000c00 KiB|",
    "CPL3, rdi=3, user counted to 00000000002dc6c0|",
  })
  void guestsPrintWhatTheirSourcesSay(GuestProgram guest, String register, String lines)
      throws Exception {
    List<Object> more = new ArrayList<>();
    if (register != null) {
      more.addAll(List.of("--reg", register));
    }
    assertEquals(lines.replace('|', '\n'), run(guest, more.toArray()).out());
  }

  @ParameterizedTest
  @CsvSource({"TICKS, .......... 100 ticks|", "SMP_SIPI, counter 000007d0|"})
  void guestsWithInterruptControllersSayWhenTheyAreDone(GuestProgram guest, String lines)
      throws Exception {
    Path end = directory.resolve("end");
    Cli cli = run(guest, "--debug-port", "0xe9", "--pause-at", "io:0xe9", "--snapshot", end);
    assertEquals(lines.replace('|', '\n'), cli.out());
  }

  @ParameterizedTest
  @CsvSource({
    "TICKS, 1, .......... 100 ticks|",
    "TICKS, 7, .......... 100 ticks|",
    "SMP_SIPI, 4, counter 000007d0|"
  })
  void interruptControllersGoOnAfterASnapshot(GuestProgram guest, String exits, String lines)
      throws Exception {
    Path middle = directory.resolve("middle");
    Cli first =
        run(guest, "--debug-port", "0xe9", "--pause-after-exits", exits, "--snapshot", middle);
    Cli second =
        Cli.run(
            "resume",
            middle,
            "--run",
            "--pause-at",
            "io:0xe9",
            "--snapshot",
            directory.resolve("e"));
    assertEquals(lines.replace('|', '\n'), first.out() + second.out(), second::err);
  }

  @Test
  void cplThreeGoesOnAtItsStores() throws Exception {
    Path snapshot = directory.resolve("snapshot");
    run(
        GuestProgram.CPL3,
        "--reg",
        "rdi=3",
        "--pause-at",
        "mmio:0x10000000",
        "--snapshot",
        snapshot);
    Cli resumed = Cli.run("resume", snapshot, "--run");
    assertEquals("user counted to 00000000002dc6c0\n", resumed.out(), resumed::err);
  }

  @Test
  void aSnapshotThatIsThereIsNotReplaced() throws Exception {
    Path there = Files.createDirectory(directory.resolve("there"));
    Path kept = Files.writeString(there.resolve("file"), "kept");
    Cli cli = Cli.run(words(GuestProgram.SIMPLE, "--pause-at", "io:0x3f8", "--snapshot", there));
    assertEquals(1, cli.status(), cli::err);
    assertTrue(cli.err().contains(there.toString()), cli::err);
    assertArrayEquals("kept".getBytes(StandardCharsets.US_ASCII), Files.readAllBytes(kept));
  }

  @Test
  void whatCannotBeIsRefusedBeforeAnythingRuns() throws Exception {
    Cli folder = Cli.run("run", directory);
    assertEquals("vmstate: " + directory + ": is no regular file\n", folder.err());
    Cli nowhere = run(GuestProgram.SIMPLE, "--snapshot", directory.resolve("none/snapshot"));
    assertTrue(
        nowhere.err().endsWith("none/snapshot: its directory does not exist\n"), nowhere::err);
    assertEquals("", nowhere.out());
    Cli port = run(GuestProgram.SIMPLE, "--debug-port", "0x3fa");
    assertTrue(port.err().contains("debug port 0x3fa: a port of the serial line"), port::err);
    assertEquals(List.of(1, 1, 1), List.of(folder.status(), nowhere.status(), port.status()));
  }

  private Object[] words(GuestProgram guest, Object... more) throws IOException {
    Path file = guest.writeTo(directory);
    List<Object> words = new ArrayList<>(guest.runWords(file));
    words.addAll(Arrays.asList(more));
    return words.toArray();
  }

  private Cli run(GuestProgram guest, Object... more) throws IOException {
    return Cli.run(words(guest, more));
  }

  /** Of the only vCPU, after the halt. */
  private JsonNode registers(GuestProgram guest, Object... more) throws IOException {
    List<Object> words = new ArrayList<>(Arrays.asList(words(guest, more)));
    words.addAll(List.of("--registers", "--json"));
    Cli cli = Cli.run(words.toArray());
    JsonNode json = JSON.readTree(cli.out().substring(cli.out().indexOf('{')));
    return json.path("vcpus").path(0).path("registers");
  }

  private static void expect(JsonNode registers, String name, long value) {
    assertEquals("0x" + Long.toHexString(value), registers.path(name).asText(), name);
  }

  private static String everything(Cli cli) {
    return "status %d%n-- out%n%s-- err%n%s".formatted(cli.status(), cli.out(), cli.err());
  }

  private static Map<String, String> hashes(Path snapshot) throws Exception {
    Map<String, String> hashes = new TreeMap<>();
    try (Stream<Path> files = Files.list(snapshot)) {
      for (Path file : files.toList()) {
        byte[] digest = MessageDigest.getInstance("SHA-256").digest(Files.readAllBytes(file));
        String time = Files.getLastModifiedTime(file).toString();
        hashes.put(file.getFileName().toString(), HexFormat.of().formatHex(digest) + time);
      }
    }
    assertFalse(hashes.isEmpty());
    return hashes;
  }
}
