package dev.vmstate.cli.guest;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.vmstate.cli.guest.BootedGuest.Home;
import dev.vmstate.container.SnapshotName;
import dev.vmstate.core.kallsyms.SymbolTable;
import dev.vmstate.core.kernel.LinuxKernel;
import dev.vmstate.core.symbols.GuestSymbols;
import dev.vmstate.core.symbols.SystemMap;
import dev.vmstate.snapshot.Snapshot;
import java.io.ByteArrayOutputStream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * A Linux' symbols, those of modules and of a BPF program included, against what it printed of them
 * itself.
 */
@Tag("qemu")
@Tag("linux")
@Tag("matrix")
class KallsymsTest {
  @Test
  void everyLineOfTheMapIsTheGuestsOwn() throws Exception {
    BootedGuest guest = BootedGuest.at(new Home(Home.HOST, "pc"));
    ByteArrayOutputStream map = new ByteArrayOutputStream();
    SymbolTable symbols;
    try (Snapshot snapshot = Snapshot.open(SnapshotName.of(guest.stopped()))) {
      LinuxKernel kernel = LinuxKernel.find(snapshot.memory(), snapshot.cpus()).orElseThrow();
      symbols = GuestSymbols.find(kernel).symbols();
      SystemMap.write(symbols, 8, map);
    }
    long hash = 0xcbf2_9ce4_8422_2325L; // FNV-1a, as init.c has it
    int lines = 0;
    for (byte next : map.toByteArray()) {
      hash = (hash ^ next & 0xff) * 0x100_0000_01b3L;
      lines += next == '\n' ? 1 : 0;
    }
    assertEquals("bpf", symbols.module(symbols.size() - 1));
    assertEquals(guest.facts().get("kallsyms"), "%d 0x%x".formatted(lines, hash));
  }
}
