package dev.vmstate.cli.guest;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vmstate.cli.guest.BootedGuest.Home;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Streams that are not whole in one file are refused by the name of what they are. */
@Tag("qemu")
@Tag("linux")
class RefusedStreamTest {
  @TempDir private Path folder;

  /** The pages go through other connections than the rest. */
  @ParameterizedTest(name = "QEMU {0}")
  @ValueSource(strings = Home.HOST)
  void theChannelsOfAMultifdStream(String qemu) throws Exception {
    BootedGuest guest = BootedGuest.at(new Home(qemu, "pc"));
    try (Tap tap = Tap.into(folder)) {
      try (Machine source = Machine.loaded(guest.anotherMachine().words(), guest.stopped())) {
        source.capabilities(List.of("multifd"));
        source.startSaving(tap.uri());
        source.awaitMigration(now -> false);
      }
    }
    // QEMU connects the main channel first.
    assertRefused(folder.resolve("channel-0"), "multifd");
    assertRefused(folder.resolve("channel-1"), "multifd");
  }

  @Tag("matrix")
  @ParameterizedTest(name = "QEMU {0}")
  @ValueSource(strings = {"5.2", "10.0", "11.1"})
  void theChannelsOfEveryQemusMultifdStream(String qemu) throws Exception {
    theChannelsOfAMultifdStream(qemu);
  }

  /** Pages come behind the device state, when the guest asks for them on the other side. */
  @Test
  void aStreamThatWentOnAsPostcopy() throws Exception {
    BootedGuest guest = BootedGuest.at(new Home(Home.HOST, "pc"));
    List<String> words = guest.anotherMachine().words();
    try (Machine source = Machine.loaded(words, guest.stopped());
        Machine target = Machine.waiting(words)) {
      target.capabilities(List.of("postcopy-ram"));
      try (Tap tap = Tap.between(folder, target)) {
        source.capabilities(List.of("postcopy-ram"));
        source.run();
        source.type('d');
        source.parameter("max-bandwidth", 20 << 20);
        source.startSaving(tap.uri());
        source.awaitMigration(now -> now.path("ram").path("transferred").asLong() > 1 << 20);
        source.qmp().execute("migrate-start-postcopy");
        source.awaitMigration(now -> false);
      }
    }
    assertRefused(folder.resolve("channel-0"), "postcopy");
  }

  private static void assertRefused(Path file, String name) throws Exception {
    assertRefused(Vmstate.attempt("info", file), name);
    assertRefused(Vmstate.attempt("extract", file, "-o", file + ".extracted"), name);
  }

  private static void assertRefused(Vmstate run, String name) {
    assertEquals(1, run.status(), run::out);
    assertTrue(run.err().contains(name), run::err);
    assertEquals(1, run.err().lines().count(), run::err);
  }
}
