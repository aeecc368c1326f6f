package dev.vmstate.cli;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vmstate.fixtures.KvmDirectoryBuilder;
import dev.vmstate.fixtures.RequiredTool;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import java.util.zip.CRC32C;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Edits of a snapshot directory with a state that a real kernel gave. */
class KvmEditTest {
  private static final List<String> FILES = List.of("config.json", "state.json", "memory-ranges");

  @TempDir Path directory;
  private final KvmDirectoryBuilder expected = new KvmDirectoryBuilder();
  private Path snapshot;
  private Path output;

  @BeforeEach
  void snapshot() throws IOException {
    snapshot = new KvmDirectoryBuilder().write(directory.resolve("snap"));
    output = directory.resolve("new");
  }

  /** Every byte of every file is as {@link #expected} has it, and there is no other file. */
  private void assertAsExpected(Path actual) throws IOException {
    Path wanted = expected.write(directory.resolve("wanted" + System.nanoTime()));
    for (String file : FILES) {
      assertArrayEquals(
          Files.readAllBytes(wanted.resolve(file)), Files.readAllBytes(actual.resolve(file)), file);
    }
    try (Stream<Path> files = Files.list(actual)) {
      assertEquals(FILES.size(), files.count());
    }
  }

  private String refused(Object... words) throws IOException {
    Cli cli = Cli.run(words);
    assertTrue(cli.status() != 0, cli.out());
    assertFalse(Files.exists(output));
    return cli.err();
  }

  @Test
  void registersAndFieldsAreSetDigitByDigit() throws IOException {
    String said =
        Cli.ok(
            "set",
            snapshot,
            "cpu[0]/rip=0x8000",
            "vcpu/regs/rdx=5",
            "cpu[0]/lstar=0xffffffff81000000",
            "cpu[0]/cr2=1",
            "-o",
            output);
    assertTrue(said.contains("wrote " + output + ": 4 fields"), said);
    expected
        .replace("\"rip\": \"0x0000000000008099\"", "\"rip\": \"0x0000000000008000\"")
        .replace("\"rdx\": \"0xdeadbeefcafef00d\"", "\"rdx\": \"0x0000000000000005\"")
        .replace("0xffffffff81234560", "0xffffffff81000000")
        .replace("0x000000000c2c2000", "0x0000000000000001");
    assertAsExpected(output);
    assertEquals("cpu[0]/rip=0x8000\n", Cli.ok("get", output, "cpu[0]/rip"));
  }

  @Test
  void changedInPlaceItCanBeTakenBack() throws IOException {
    Cli.ok("set", snapshot, "cpu[0]/rip=0x8000", "--in-place");
    expected.replace("\"rip\": \"0x0000000000008099\"", "\"rip\": \"0x0000000000008000\"");
    assertAsExpected(snapshot);
    String undone = Cli.ok("undo", snapshot);
    assertTrue(undone.contains("as it was before"), undone);
    expected.replace("\"rip\": \"0x0000000000008000\"", "\"rip\": \"0x0000000000008099\"");
    assertAsExpected(snapshot);
    assertTrue(refused("undo", snapshot).contains("nothing to undo"));
  }

  /** The journal's mark (docs of UndoJournal) says pending, as when the program was killed. */
  private void interrupt() throws IOException {
    byte[] mark = new byte[12];
    CRC32C crc = new CRC32C();
    crc.update(mark);
    byte[] journal = Files.readAllBytes(directory.resolve("snap.vmstate-undo"));
    ByteBuffer.wrap(journal).position(48).put(mark).putInt((int) crc.getValue());
    Files.write(directory.resolve("snap.vmstate-undo"), journal);
  }

  @Test
  void anInterruptedChangeIsInTheWayOfEveryCommandUntilItIsTakenBack() throws IOException {
    Path vm = directory.resolve("vm");
    Cli.ok("extract", snapshot, "-o", vm);
    Cli.ok("set", snapshot, "cpu[0]/rip=0x8000", "--in-place");
    interrupt();
    for (List<Object> words :
        List.<List<Object>>of(
            List.of("info", snapshot),
            List.of("get", snapshot, "cpu[0]/rip"),
            List.of("extract", snapshot, "-o", output),
            List.of("inject", vm, "-o", output),
            List.of("set", snapshot, "cpu[0]/rip=1", "-o", output),
            List.of("diff", snapshot, snapshot),
            List.of("resume", snapshot))) {
      String said = refused(words.toArray());
      assertTrue(said.contains("vmstate undo " + snapshot), words + ": " + said);
    }
    Cli.ok("undo", snapshot);
    assertAsExpected(snapshot);
  }

  @Test
  void aDryRunWritesNothing() throws IOException {
    String said = Cli.ok("set", snapshot, "cpu[0]/rip=0x8000", "--dry-run");
    assertTrue(said.contains("would change: 1 field"), said);
    assertAsExpected(snapshot);
    try (Stream<Path> files = Files.list(directory)) {
      assertFalse(files.anyMatch(file -> file.toString().contains("undo")));
    }
  }

  @Test
  void whatIsTwiceInAVcpuChangesTwice() throws IOException {
    Cli.ok("set", snapshot, "vcpu/sregs2/cr8=4", "-o", output);
    assertEquals(
        "vcpu/lapic/tpr=64\nvcpu/sregs2/cr8=4\n",
        Cli.ok("get", output, "vcpu/lapic/tpr", "vcpu/sregs2/cr8"));
  }

  @Test
  void theDocumentAndTheCoreGoBack() throws IOException {
    Path vm = directory.resolve("vm");
    Cli.ok("extract", snapshot, "-o", vm);
    Cli.ok("inject", vm, "-o", output);
    assertAsExpected(output);
    Path xml = vm.resolve("hardware.xml");
    String text = Files.readString(xml);
    String register = "<register name=\"r12\" value=\"0xcccc\"";
    assertTrue(text.contains(register));
    Files.writeString(xml, text.replace(register, register.replace("cccc", "1cccc")));
    Path edited = directory.resolve("edited");
    String said = Cli.ok("inject", vm, "-o", edited);
    assertTrue(said.contains("cpu[0]/r12") && said.contains(": 1 field"), said);
    expected.replace("\"r12\": \"0x000000000000cccc\"", "\"r12\": \"0x000000000001cccc\"");
    assertAsExpected(edited);
  }

  @Test
  void aByteThatGdbWritesIntoTheCoreIsThatByte() throws Exception {
    RequiredTool.require("gdb", "gdb");
    Path vm = directory.resolve("vm");
    Cli.ok("extract", snapshot, "-o", vm);
    gdb(vm.resolve("core.elf"), "set var *(unsigned char*)0x8005 = 0x5a");
    // The snapshot itself, and the core alone: a directory, but none that extract wrote.
    String said = Cli.ok("inject", snapshot, "--core", vm.resolve("core.elf"), "-o", output);
    assertTrue(said.contains("1 byte of memory in 1 page, 1 byte written"), said);
    assertFalse(expected.memory()[0x8005] == 0x5a);
    expected.memory()[0x8005] = 0x5a;
    assertAsExpected(output);
  }

  static void gdb(Path core, String... commands) throws IOException, InterruptedException {
    Stream<String> words = Stream.of("gdb", "-nx", "-batch", "--write", "-core", core.toString());
    Stream<String> more = Stream.of(commands).flatMap(command -> Stream.of("-ex", command));
    Process gdb =
        new ProcessBuilder(Stream.concat(words, more).toList()).redirectErrorStream(true).start();
    String said = new String(gdb.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertEquals(0, gdb.waitFor(), said);
    assertFalse(said.contains("Cannot"), said);
  }

  @Test
  void whatCannotBeIsSaidInALine() throws IOException {
    assertTrue(refused("set", snapshot, "machine=pc", "-o", output).contains("QEMU's streams"));
    assertTrue(
        refused("set", snapshot, "domain.xml=x", "-o", output).contains("libvirt save image"));
    assertTrue(refused("get", snapshot, "domain.xml").contains("libvirt save image"));
    assertTrue(
        refused("set", snapshot, "vcpu/xsave/xmm[0]=aabb", "-o", output)
            .contains("2 bytes given, it has 16"));
    assertTrue(
        refused("set", snapshot, "vcpu/regs/rax=0x10000000000000000", "-o", output)
            .contains("is not a number"));
    assertTrue(
        refused("drop-section", snapshot, "clock", "-o", output).contains("migration stream"));
    assertTrue(refused("check", snapshot).contains("migration stream"));
    assertTrue(refused("inject", snapshot, "-o", output).contains("nothing to inject"));
    Path other = Files.createDirectory(directory.resolve("other"));
    assertTrue(refused("inject", other, "-o", output).contains("manifest.json"));
    assertTrue(refused("set", other, "cpu[0]/rip=1", "-o", output).contains("state.json"));
    Cli there = Cli.run("set", snapshot, "cpu[0]/rip=1", "-o", other);
    assertTrue(there.err().contains("something of that name"), there.err());
  }
}
