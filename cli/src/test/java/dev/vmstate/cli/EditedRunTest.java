package dev.vmstate.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.vmstate.fixtures.RequiredKvm;
import dev.vmstate.fixtures.RequiredTool;
import dev.vmstate.fixtures.guests.GuestProgram;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * The whole loop on KVM: a guest runs, is saved, taken apart, edited with an editor and with gdb,
 * put together, and goes on.
 */
@Timeout(180)
class EditedRunTest {
  @TempDir Path directory;
  private Path snapshot;
  private Path vm;
  private Path edited;

  @BeforeEach
  void needs() throws IOException {
    RequiredKvm.require();
    RequiredTool.require("gdb", "gdb");
    snapshot = directory.resolve("snap");
    vm = directory.resolve("vm");
    edited = directory.resolve("edited");
  }

  private void run(GuestProgram guest, String... more) throws IOException {
    List<String> words = new ArrayList<>(guest.runWords(guest.writeTo(directory)));
    words.addAll(List.of(more));
    words.addAll(List.of("--snapshot", snapshot.toString()));
    Cli cli = Cli.run(words.toArray());
    assertEquals(0, cli.status(), cli::err);
    assertTrue(Files.isDirectory(snapshot), cli::err);
  }

  private void register(String name, String value) throws IOException {
    Path xml = vm.resolve("hardware.xml");
    String text = Files.readString(xml);
    String changed =
        text.replaceFirst(
            "(<register name=\"%s\" value=\")0x[0-9a-f]+\"".formatted(name),
            "$1%s\"".formatted(value));
    assertTrue(!changed.equals(text), "no register " + name);
    Files.writeString(xml, changed);
  }

  private String resumed(Path which) {
    Cli cli = Cli.run("resume", which, "--run");
    assertEquals(0, cli.status(), cli::err);
    return cli.out();
  }

  @Test
  void aRegisterOfTheDocumentAndAByteOfTheCoreAreSeenByTheGuest() throws Exception {
    run(GuestProgram.SIMPLE, "--pause-at", "io:0x3f8");
    Cli.ok("extract", snapshot, "-o", vm);
    register("rbx", "0x1234");
    // 0x1008: mov $'\n', %al
    KvmEditTest.gdb(vm.resolve("core.elf"), "set var *(unsigned char*)0x1009 = '!'");
    String said = Cli.ok("inject", vm, "-o", edited);
    assertTrue(said.contains("1 field, 1 byte of memory in 1 page"), said);
    Cli cli = Cli.run("resume", edited, "--run", "--registers", "--json");
    assertEquals(0, cli.status(), cli::err);
    JsonNode end = new ObjectMapper().readTree(cli.out());
    assertEquals("4!", end.path("serial").asText());
    JsonNode registers = end.path("vcpus").path(0).path("registers");
    assertEquals("0x1234", registers.path("rbx").asText());
    assertEquals("0x21", registers.path("rax").asText());
    assertEquals("4\n", resumed(snapshot), "the old one is as it was");
  }

  @Test
  void aSnapshotIsNotChangedWhileAMachineIsMappedFromIt() throws Exception {
    run(GuestProgram.SIMPLE, "--pause-at", "io:0x3f8");
    Path memory = snapshot.resolve("memory-ranges");
    try (FileChannel file = FileChannel.open(memory, StandardOpenOption.WRITE);
        FileLock changing = file.lock()) {
      assertTrue(changing.isValid());
      // In this process the lock shows as one of its own; in another the resume is refused.
      Process resume =
          new ProcessBuilder(
                  Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                  "-cp",
                  System.getProperty("java.class.path"),
                  "dev.vmstate.cli.Main",
                  "resume",
                  snapshot.toString(),
                  "--run")
              .redirectErrorStream(true)
              .start();
      String said = new String(resume.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
      assertEquals(1, resume.waitFor(), said);
      assertTrue(said.contains("is being changed in place"), said);
    }
    try (MappedSnapshot mapped = new MappedSnapshot(snapshot)) {
      mapped.hold();
      Cli cli = Cli.run("set", snapshot, "cpu[0]/rbx=7", "--in-place");
      assertTrue(cli.err().contains("is being changed already"), cli.err());
    }
    assertEquals("4\n", resumed(snapshot));
  }

  @Test
  void aCounterOfAGuestInLongModeGoesOnFromAnotherNumberUnderAnotherName() throws Exception {
    run(GuestProgram.LONG64, "--reg", "rdi=4", "--pause-after-exits", "120");
    String old = resumed(snapshot);
    assertTrue(old.endsWith("counter 00000004\n"), old);
    Cli.ok("extract", snapshot, "-o", vm);
    register("r12", "0x41");
    // The guest's own page tables map it there.
    KvmEditTest.gdb(
        vm.resolve("core.elf"), "set var *(char(*)[9])0xffffffff80100010 = \"COUNTER \"");
    Cli.ok("inject", vm, "-o", edited);
    String now = resumed(edited);
    List<String> lines = now.lines().toList();
    assertTrue(lines.contains("COUNTER 00000042"), now);
    assertEquals(old.lines().count(), lines.size(), now);
    // The same by commands, where the snapshot stands, and taken back.
    String before = Files.readString(snapshot.resolve("state.json"));
    Cli.ok("set", snapshot, "cpu[0]/r12=0x41", "--in-place");
    assertTrue(resumed(snapshot).contains("counter 00000042"));
    Cli.ok("undo", snapshot);
    assertEquals(old, resumed(snapshot));
    assertEquals(before, Files.readString(snapshot.resolve("state.json")));
  }
}
