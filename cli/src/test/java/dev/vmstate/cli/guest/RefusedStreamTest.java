package dev.vmstate.cli.guest;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vmstate.cli.guest.BootedGuest.Home;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Migrations that came to their end, each connection in a file: none of the files is a snapshot.
 */
@Tag("qemu")
@Tag("linux")
class RefusedStreamTest {
  @TempDir private Path folder;

  /** The pages go through other connections than the rest. */
  @Test
  void aChannelOfAMultifdMigration() throws Exception {
    BootedGuest guest = BootedGuest.at(new Home(Home.HOST, "pc"));
    try (Tap tap = Tap.into(folder)) {
      try (Machine source = Machine.loaded(guest.anotherMachine().words(), guest.stopped())) {
        source.capabilities(List.of("multifd"));
        source.startSaving(tap.uri());
        source.awaitMigration(now -> false);
      }
    }
    // QEMU connects the main channel first.
    assertRefused(folder.resolve("channel-0"), "a multifd stream");
    assertRefused(folder.resolve("channel-1"), "a channel of a multifd migration");
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
    assertRefused(folder.resolve("channel-0"), "a post-copy stream");
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
