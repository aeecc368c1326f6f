package dev.vmstate.qemu;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.List;
import org.junit.jupiter.api.Test;

class QemuCommandTest {
  private static List<String> paused(String... words) {
    return new QemuCommand(List.of(words)).paused(List.of("-incoming", "defer"));
  }

  @Test
  void startsPausedAndWithoutAWindow() {
    assertEquals(
        List.of("qemu", "-m", "16", "-display", "none", "-S", "-incoming", "defer"),
        paused("qemu", "-m", "16"));
  }

  @Test
  void keepsTheUsersDisplayAndMonitors() {
    assertEquals(
        List.of("qemu", "-nographic", "-monitor", "none", "-S", "-incoming", "defer"),
        paused("qemu", "-nographic", "-monitor", "none"));
    assertEquals(
        List.of("qemu", "--display", "vnc=:1", "-S", "-incoming", "defer"),
        paused("qemu", "--display", "vnc=:1"));
  }

  @Test
  void refusesOptionsThatLoadSomethingElse() {
    for (String option : List.of("-incoming", "--incoming", "-loadvm", "-daemonize")) {
      IllegalArgumentException refused =
          assertThrows(IllegalArgumentException.class, () -> paused("qemu", option, "x"));
      assertEquals(
          "leave " + option + " out of the QEMU command",
          refused.getMessage().substring(0, refused.getMessage().indexOf(':')));
    }
  }

  @Test
  void refusesAnEmptyCommand() {
    assertThrows(IllegalArgumentException.class, () -> new QemuCommand(List.of()));
  }
}
