package dev.vmstate.cli.guest;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.vmstate.cli.guest.BootedGuest.Home;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.Arrays;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** The log and the modules of a Linux, against what it printed of them itself. */
@Tag("qemu")
@Tag("linux")
@Tag("matrix")
class LogAndModulesTest {
  @Test
  void theLogIsTheGuestsOwnUpToWhereItRead() throws Exception {
    BootedGuest guest = BootedGuest.at(new Home(Home.HOST, "pc"));
    Vmstate run = Vmstate.run("dmesg", "--raw", "--force-prefix", guest.stopped());
    assertEquals("", run.err());
    String fact = guest.facts().get("log");
    int lines = Integer.parseInt(fact.split(" ")[0]);
    assertTrue(lines > 100, fact);
    String[] all = run.out().split("\n");
    String first = String.join("\n", Arrays.copyOf(all, lines)) + "\n";
    assertEquals(fact, digest(first));
  }

  @Test
  void theGuestWasBootedWhenItSays() throws Exception {
    BootedGuest guest = BootedGuest.at(new Home(Home.HOST, "pc"));
    JsonNode log =
        new ObjectMapper().readTree(Vmstate.run("dmesg", "--json", guest.stopped()).out());
    Instant boot = Instant.parse(log.get("boot").asText());
    Duration ago = Duration.between(boot, Instant.now());
    assertTrue(!ago.isNegative() && ago.toHours() < 3, boot.toString()); // QEMU's RTC is the host's
    assertEquals(0, log.get("records").get(0).get("seq").asInt());
  }

  @Test
  void theModulesAreTheGuestsOwn() throws Exception {
    BootedGuest guest = BootedGuest.at(new Home(Home.HOST, "pc"));
    Vmstate run = Vmstate.run("modules", "--raw", guest.stopped());
    assertEquals("", run.err(), "nothing is hidden");
    assertEquals(guest.facts().get("modules"), digest(run.out()));
  }

  /** Lines and their FNV-1a hash, as init.c has it. */
  private static String digest(String text) {
    long hash = 0xcbf2_9ce4_8422_2325L;
    int lines = 0;
    for (byte next : text.getBytes(StandardCharsets.UTF_8)) {
      hash = (hash ^ next & 0xff) * 0x100_0000_01b3L;
      lines += next == '\n' ? 1 : 0;
    }
    return "%d 0x%x".formatted(lines, hash);
  }
}
