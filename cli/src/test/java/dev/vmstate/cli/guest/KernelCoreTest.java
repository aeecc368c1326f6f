package dev.vmstate.cli.guest;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vmstate.cli.guest.BootedGuest.Home;
import dev.vmstate.container.FileSource;
import dev.vmstate.elf.CoreFile;
import dev.vmstate.elf.CoreNote;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What gdb sees of a Linux' core without a debug package, and with one. */
@Tag("qemu")
@Tag("linux")
@Tag("matrix")
class KernelCoreTest {
  @TempDir private Path folder;

  private static String gdb(Path directory, String... commands) throws Exception {
    HostTool.need("gdb", "gdb");
    List<String> words =
        new ArrayList<>(
            List.of("gdb", "-nx", "-q", "-batch", "-x", directory.resolve("gdbinit").toString()));
    for (String command : commands) {
      words.addAll(List.of("-ex", command));
    }
    return HostTool.run(words.toArray(String[]::new));
  }

  private Path extract(Path snapshot, String name, Object... options) throws Exception {
    Path directory = folder.resolve(name);
    List<Object> words = new ArrayList<>(List.of("extract", snapshot, "-o", directory));
    words.addAll(List.of("--no-hardware"));
    words.addAll(List.of(options));
    Vmstate.run(words.toArray());
    return directory;
  }

  @Test
  void gdbHasNamesTypesAndCallersOutOfTheGuestsOwnMemory() throws Exception {
    BootedGuest guest = BootedGuest.at(new Home(Home.HOST, "pc"));
    Path directory = extract(guest.stopped(), "own");
    String said =
        gdb(
            directory,
            "thread apply all bt",
            "p init_task.comm",
            "x/s linux_banner",
            "p ((struct task_struct *)((char *)init_task.tasks.next - (char *)&((struct task_struct"
                + " *)0)->tasks))->pid",
            "p init_task.tasks.next->prev == &init_task.tasks",
            "info threads");
    assertTrue(said.contains("\"CPU 0\""), said);
    assertTrue(said.contains("\"swapper/0"), said);
    assertTrue(said.contains(guest.facts().get("linux_banner") + " <linux_banner>"), said);
    assertTrue(said.contains("Linux version " + guest.facts().get("release")), said);
    assertTrue(said.contains(" = 1\n"), said);
    assertTrue(said.contains("do_idle ()") && said.contains("start_kernel ()"), said);
    assertFalse(said.contains("??"), said);
  }

  @Test
  void aGivenVmlinuxIsMovedToWhereTheKernelWasPut() throws Exception {
    BootedGuest guest = BootedGuest.at(new Home(Home.HOST, "pc"));
    Path vmlinux = GuestKernel.cloud().folder().resolve("vmlinux");
    if (!Files.exists(vmlinux)) {
      HostTool.missing("no %s: run .ci/guest-kernels --debug".formatted(vmlinux));
    }
    Path directory = extract(guest.stopped(), "debug", "--vmlinux", vmlinux);
    assertFalse(Files.exists(directory.resolve("kernel.elf")));
    String own = gdb(extract(guest.stopped(), "own"), "bt", "p sizeof(struct task_struct)");
    String said = gdb(directory, "p init_task.comm", "p sizeof(struct task_struct)", "bt");
    assertTrue(said.contains("\"swapper/0"), said);
    assertEquals(answer(own), answer(said.substring(said.indexOf("$2"))));
  }

  @Test
  void aVmlinuxOfAnotherBuildIsNotUsed() throws Exception {
    BootedGuest guest = BootedGuest.at(new Home(Home.HOST, "pc"));
    Path directory = folder.resolve("wrong");
    Vmstate run =
        Vmstate.run(
            "extract", guest.stopped(), "-o", directory, "--no-hardware", "--vmlinux", "/bin/ls");
    assertTrue(run.err().contains("/bin/ls is of another build ("), run.err());
    assertTrue(Files.readString(directory.resolve("gdbinit")).contains("/kernel.elf\n"));
  }

  private static String answer(String said) {
    return said.lines()
        .filter(line -> line.startsWith("$"))
        .findFirst()
        .orElseThrow()
        .split("=")[1];
  }

  @Test
  void theNoteMadeOfSymbolsAndTypesIsTheOneTheKernelWrote() throws Exception {
    BootedGuest guest = BootedGuest.at(new Home(Home.HOST, "pc"));
    byte[] stream = Files.readAllBytes(guest.stopped());
    int removed = 0;
    byte[] first = "OSRELEASE=6".getBytes(StandardCharsets.US_ASCII);
    for (int at = 0; at + first.length <= stream.length; at++) {
      if (stream[at] == 'O'
          && ByteBuffer.wrap(stream, at, first.length).equals(ByteBuffer.wrap(first))) {
        stream[at] = 'X';
        removed++;
      }
    }
    assertTrue(removed >= 2, removed + " copies");
    Path without = Files.write(folder.resolve("without.mig"), stream);
    byte[] made = note(extract(without, "made", "--no-symbols"));
    assertArrayEquals(note(extract(guest.stopped(), "found", "--no-symbols")), made);
  }

  private static byte[] note(Path directory) throws Exception {
    try (FileSource file = new FileSource(directory.resolve("core.elf"))) {
      CoreFile core = CoreFile.open(file);
      List<CoreNote> notes = core.notes("VMCOREINFO", 0);
      assertEquals(1, notes.size());
      ByteBuffer text = core.descriptor(notes.get(0));
      byte[] bytes = new byte[text.remaining()];
      text.get(bytes);
      return bytes;
    }
  }
}
