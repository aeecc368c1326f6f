package dev.vmstate.exchange;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class GdbInitTest {
  private static final Optional<GdbInit.Symbols> NONE = Optional.empty();

  private static List<String> commands(GdbInit init) {
    return init.lines().stream().filter(line -> !line.startsWith("#")).toList();
  }

  @Test
  void theFirstCpuIsChosenInTheEnd() {
    assertEquals(
        List.of(
            "core-file /vm/core.elf",
            "thread apply 2 -q -s thread name CPU 1",
            "thread apply 1 -q -s thread name CPU 0"),
        commands(new GdbInit(Path.of("/vm"), 2, NONE)));
  }

  @Test
  void symbolsOfAVmlinuxAreMoved() {
    var moved = new GdbInit.Symbols(Path.of("/usr/lib/debug/vmlinux"), 0x2aa0_0000, "Linux 6.1");
    assertEquals(
        "symbol-file -o 0x2aa00000 /usr/lib/debug/vmlinux",
        commands(new GdbInit(Path.of("/vm"), 1, Optional.of(moved))).get(0));
    var there = new GdbInit.Symbols(Path.of("/vm/kernel.elf"), 0, "Linux 6.1");
    assertEquals(
        "symbol-file /vm/kernel.elf",
        commands(new GdbInit(Path.of("/vm"), 1, Optional.of(there))).get(0));
  }

  @Test
  void aDirectoryWithASpaceIsGoneToAndAFileWithOneQuoted() {
    var file = new GdbInit.Symbols(Path.of("/a b/say \"no\".elf"), 0, "Linux");
    assertEquals(
        List.of("symbol-file \"/a b/say \\\"no\\\".elf\"", "cd /a b", "core-file core.elf"),
        commands(new GdbInit(Path.of("/a b"), 0, Optional.of(file))));
  }

  @Test
  void aNewlineInANameCannotBecomeACommand() {
    GdbInit init = new GdbInit(Path.of("/vm\nshell true"), 1, NONE);
    assertThrows(IOException.class, init::write);
  }
}
