package dev.vmstate.cli.guest;

import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * crash, with the kernel's symbols, on a core of ours. Not its stacks and task list: crash 8.0
 * finds no more of them in QEMU's own dump either, for want of the kernel's VMCOREINFO.
 */
@Tag("qemu")
@Tag("linux")
@Tag("matrix")
class CrashTest {
  @TempDir private Path folder;

  @Test
  void crashOpensTheCoreOfAMovedKernelWithoutBeingToldWhereItIs() throws Exception {
    HostTool.need("crash", "crash");
    GuestKernel kernel = GuestKernel.cloud();
    Path symbols = kernel.folder().resolve("vmlinux");
    if (!Files.exists(symbols)) {
      HostTool.missing("no %s: run .ci/guest-kernels --debug".formatted(symbols));
    }
    List<String> words =
        new GuestMachine(GuestMachine.hostQemu(), "pc", "128M")
            .cpus(2)
            .boots(kernel, GuestDisk.build(kernel, folder))
            .words();
    Path snapshot = folder.resolve("stopped.mig");
    Map<String, String> facts;
    try (Machine machine = Machine.fresh(words)) {
      machine.run();
      machine.awaitTick(tick -> true);
      machine.stop();
      facts = machine.facts();
      machine.save(snapshot);
    }
    Path directory = folder.resolve("extracted");
    Vmstate.run("extract", snapshot, "-o", directory);
    Path commands = folder.resolve("commands");
    Files.write(
        commands,
        List.of(
            "sys", "sym linux_banner", "rd -p -a %s".formatted(facts.get("text")), "log", "quit"));
    String said =
        HostTool.run(
            "crash",
            "-s",
            "-i",
            commands.toString(),
            symbols.toString(),
            directory.resolve("core.elf").toString());
    assertTrue(said.contains("RELEASE: " + facts.get("release")), said);
    assertTrue(said.contains("CPUS: 2"), said);
    assertTrue(said.contains(facts.get("linux_banner").substring(2)), said);
    assertTrue(said.contains("the guest wrote this"), said);
    assertTrue(said.contains("Linux version " + facts.get("release")), said);
  }
}
