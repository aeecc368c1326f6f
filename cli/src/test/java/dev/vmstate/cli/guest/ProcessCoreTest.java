package dev.vmstate.cli.guest;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vmstate.cli.guest.BootedGuest.Home;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What gdb reads in the core of a guest's process is what the process printed itself. */
@Tag("qemu")
@Tag("linux")
@Tag("matrix")
class ProcessCoreTest {
  @TempDir private Path folder;

  @Test
  void gdbReadsTheTextThatTheTicksPrint() throws Exception {
    HostTool.need("gdb", "gdb");
    BootedGuest guest = BootedGuest.at(new Home(Home.HOST, "pc"));
    Path core = folder.resolve("init.core");
    Vmstate run = Vmstate.run("core", guest.stopped(), "--pid", 1, "-o", core, "--with-binary");
    assertTrue(run.out().contains("process 1 (init), 1 thread"), run.out());
    Path gdbinit = folder.resolve("init.core.d/gdbinit");
    assertTrue(Files.exists(folder.resolve("init.core.d/init")), run.out());
    String said =
        HostTool.run(
            "gdb",
            "-nx",
            "-batch",
            "-x",
            gdbinit.toString(),
            "-ex",
            "x/s " + guest.facts().get("text_virtual"),
            "-ex",
            "info threads");
    assertTrue(said.contains('"' + guest.last().text() + '"'), said);
    assertTrue(said.contains("LWP 1"), said);
  }

  @Test
  void everyProcessHasACoreAndNoThreadOfTheKernel() throws Exception {
    BootedGuest guest = BootedGuest.at(new Home(Home.HOST, "pc"));
    Path cores = folder.resolve("cores");
    var said = Vmstate.run("core", guest.stopped(), "--all", "-o", cores, "--json").json();
    assertEquals(1, said.get("cores").size());
    assertEquals("[]", said.get("cores").get(0).get("notes").toString());
    assertEquals("[]", said.get("skipped").toString());
    assertTrue(said.get("kernelThreads").asInt() > 20);
    assertTrue(Files.exists(cores.resolve("1.init.core")));
  }
}
