package dev.vmstate.cli.guest;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vmstate.cli.guest.BootedGuest.Home;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The guest's only process, changed by gdb in its core. */
@Tag("qemu")
@Tag("linux")
class ProcessEditTest {
  @TempDir private Path folder;

  @Test
  void aProcessGoesOnWithWhatGdbWroteIntoItsCore() throws Exception {
    BootedGuest guest = BootedGuest.at(new Home(Home.HOST, "pc"));
    Path core = folder.resolve("init.core");
    Vmstate.run("core", guest.stopped(), "--pid", 1, "-o", core);
    String same = Vmstate.run("inject", guest.stopped(), "--process-core", core, "--dry-run").out();
    assertTrue(same.contains("no edit"), same);
    String at = guest.facts().get("text_virtual");
    Gdb.write(core, "set var *(char(*)[24])%s = \"someone else wrote this\"".formatted(at));
    Path edited = folder.resolve("edited.mig");
    String report =
        Vmstate.run("inject", guest.stopped(), "--process-core", core, "-o", edited).out();
    assertTrue(report.contains("pid 1 init: " + at), report);
    try (Machine machine = Machine.loaded(guest.anotherMachine().words(), edited)) {
      machine.run();
      Tick first = machine.awaitTick(tick -> tick.number() > guest.last().number());
      assertEquals("someone else wrote this", first.text());
      assertEquals(1000 + 7L * first.number(), first.counter());
    }
  }

  @Test
  void whatNobodyHasWrittenToIsRefusedByItsAddress() throws Exception {
    BootedGuest guest = BootedGuest.at(new Home(Home.HOST, "pc"));
    Path core = folder.resolve("init.core");
    Vmstate.run("core", guest.stopped(), "--pid", 1, "-o", core);
    long buffer = guest.address("buffer");
    try (FileChannel file =
        FileChannel.open(core, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
      file.write(ByteBuffer.wrap(new byte[] {1}), offset(file, buffer));
    }
    Vmstate run = Vmstate.attempt("inject", guest.stopped(), "--process-core", core, "--dry-run");
    assertEquals(1, run.status());
    assertTrue(run.err().contains("0x%x ".formatted(buffer)), run::err);
    assertTrue(run.err().contains("nobody has written there yet"), run::err);
  }

  /** Where a core has an address: by the program headers of an ELF64 file. */
  private static long offset(FileChannel file, long address) throws Exception {
    ByteBuffer header = ByteBuffer.allocate(64).order(ByteOrder.LITTLE_ENDIAN);
    file.read(header, 0);
    int count = header.getShort(56) & 0xffff;
    ByteBuffer programs = ByteBuffer.allocate(56 * count).order(ByteOrder.LITTLE_ENDIAN);
    file.read(programs, header.getLong(32));
    for (int at = 0; at < programs.capacity(); at += 56) {
      long into = address - programs.getLong(at + 16);
      if (programs.getInt(at) == 1 && into >= 0 && into < programs.getLong(at + 32)) {
        return programs.getLong(at + 8) + into;
      }
    }
    throw new AssertionError("0x%x is not in the core".formatted(address));
  }
}
