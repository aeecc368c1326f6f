package dev.vmstate.cli.guest;

import static org.junit.jupiter.api.Assertions.assertEquals;

import com.fasterxml.jackson.databind.JsonNode;
import dev.vmstate.qemu.Qmp;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.LocalDateTime;
import java.time.ZoneOffset;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * What QEMU makes of clocks that were set in a snapshot: {@code rtc-time} is what a guest reads.
 */
@Tag("qemu")
class ClockTest {
  /** Loading takes a while, and QEMU's seconds are whole. */
  private static final double TOLERANCE = 60;

  @TempDir private Path folder;

  @Test
  void theRtcIsAsMuchLaterOrEarlierAndTheClocksAreSavedAgain() throws Exception {
    List<String> words = new GuestMachine(GuestMachine.hostQemu(), "pc", "16M").words();
    Path snapshot = folder.resolve("vm.mig");
    try (Machine fresh = Machine.fresh(words)) {
      fresh.save(snapshot);
    }
    Path after = folder.resolve("after.mig");
    for (String change : List.of("clock+=400d", "clock-=31h")) {
      Path edited = folder.resolve("edited.mig");
      Vmstate.run("set", snapshot, change, "-o", edited);
      try (Machine loaded = Machine.loaded(words, edited)) {
        long shift = change.contains("+") ? 400 * 86_400L : -31 * 3_600L;
        assertEquals(shift, ahead(loaded.qmp()), TOLERANCE, change);
        loaded.save(after);
      }
      String path = "timer/cpu_clock_offset";
      assertEquals(value(edited, path), value(after, path)); // paused: it stands
    }
  }

  private static String value(Path snapshot, String path) throws Exception {
    return Vmstate.run("get", "--json", snapshot, path).json().path(path).asText();
  }

  /** By how many seconds the guest's RTC is ahead of this host. */
  private static double ahead(Qmp qmp) throws Exception {
    JsonNode tm =
        qmp.execute("qom-get", Qmp.arguments().put("path", "/machine").put("property", "rtc-time"));
    LocalDateTime rtc =
        LocalDateTime.of(
            tm.path("tm_year").asInt() + 1900,
            tm.path("tm_mon").asInt() + 1,
            tm.path("tm_mday").asInt(),
            tm.path("tm_hour").asInt(),
            tm.path("tm_min").asInt(),
            tm.path("tm_sec").asInt());
    return Duration.between(Instant.now(), rtc.toInstant(ZoneOffset.UTC)).toSeconds();
  }
}
