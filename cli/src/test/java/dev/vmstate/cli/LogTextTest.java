package dev.vmstate.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.vmstate.core.log.LogRecord;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.time.ZoneOffset;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import org.junit.jupiter.api.Test;
import picocli.CommandLine.TypeConversionException;

/** What is expected here is what dmesg of util-linux prints of the same /dev/kmsg. */
class LogTextTest {
  private static final long BOOT = 1_700_000_000_000_000_000L; // Tue Nov 14 22:13:20 2023

  private static LogRecord record(int level, String text) {
    String latin = new String(text.getBytes(StandardCharsets.UTF_8), StandardCharsets.ISO_8859_1);
    return new LogRecord(
        7,
        12_345_678_901L,
        3,
        level,
        2,
        OptionalLong.of(42),
        Optional.empty(),
        latin,
        List.of("SUBSYSTEM=pci"),
        LogRecord.State.FINALIZED,
        true);
  }

  private static String print(String options, LogRecord record) {
    StringWriter out = new StringWriter();
    LogText.Time time =
        options.contains("T")
            ? LogText.Time.WALL_CLOCK
            : options.contains("t") ? LogText.Time.NONE : LogText.Time.SECONDS;
    LogText.Style style =
        new LogText.Style(
            time,
            options.contains("r"),
            options.contains("x"),
            options.contains("c"),
            options.contains("P"),
            options.contains("d"),
            options.contains("L"),
            BOOT,
            ZoneOffset.UTC);
    PrintWriter writer = new PrintWriter(out);
    new LogText(style, writer).print(record);
    return out.toString();
  }

  @Test
  void linesAreIndentedBehindWhatStandsInFront() {
    LogRecord two = record(6, "one\ntwo");
    assertEquals("[   12.345678] one\n               two\n", print("", two));
    assertEquals("daemon:info  : [   12.345678] one\n" + " ".repeat(30) + "two\n", print("x", two));
    assertEquals("<30>[   12.345678] one\n                   two\n", print("r", two));
    assertEquals("one\ntwo\n", print("t", two));
    assertEquals("[Tue Nov 14 22:13:32 2023] one\n" + " ".repeat(27) + "two\n", print("T", two));
    assertEquals("[   12.345678] [   T42] one\n" + " ".repeat(24) + "two\n", print("c", two));
    assertEquals("[   12.345678] one\n[   12.345678] two\n", print("P", two));
    assertEquals(
        "[   12.345678] one\n" + " ".repeat(15) + "SUBSYSTEM=pci\n", print("d", record(6, "one")));
    assertEquals("[   12.345678] one\n\n", print("", record(6, "one\n")));
    assertEquals("[   12.345678] \n", print("", record(6, "")));
  }

  @Test
  void coloursAreThoseOfDmesg() {
    String time = "\u001b[32m[   12.345678] \u001b[0m";
    assertEquals(time + "plain\n", print("L", record(6, "plain")));
    assertEquals(
        time + "\u001b[33mpci 0000:00:1f.2: \u001b[0mbad\n",
        print("L", record(6, "pci 0000:00:1f.2: bad")));
    assertEquals(
        time + "\u001b[33musb: \u001b[0m\u001b[31mbad\u001b[0m\n",
        print("L", record(3, "usb: bad")));
    assertEquals(time + "\u001b[1ma:b\u001b[0m\n", print("L", record(4, "a:b")));
    assertEquals(
        time + "\u001b[33mx[1]: \u001b[0m\u001b[2m\u001b[31msegfault at 0\u001b[0m\n",
        print("L", record(6, "x[1]: segfault at 0")));
    assertEquals(time + "\u001b[7m\u001b[31mfire\u001b[0m\n", print("L", record(1, "fire")));
  }

  @Test
  void whatWouldMoveTheTerminalIsShownByByte() {
    assertEquals(
        "caf\u00e9 \u2713\t\ud83d\ude00",
        GuestText.message(latin("caf\u00e9 \u2713\t\ud83d\ude00")));
    assertEquals("\\x1b[2J\\x0d\\x00\\x7f", GuestText.message("\u001b[2J\r\0\u007f"));
    assertEquals("\\xc2\\x9b31m", GuestText.message(latin("\u009b31m")));
    assertEquals("\\xe2\\x80\\xaegnp", GuestText.message(latin("\u202egnp")));
    assertEquals("\\xff\\xc3(\\xe2\\x82", GuestText.message("\u00ff\u00c3(\u00e2\u0082"));
  }

  private static String latin(String text) {
    return new String(text.getBytes(StandardCharsets.UTF_8), StandardCharsets.ISO_8859_1);
  }

  @Test
  void levelsHaveNamesNumbersAndDirections() {
    assertEquals(Set.of(3, 4), LogNames.levels(List.of("err", "4")));
    assertEquals(Set.of(0, 1, 2), LogNames.levels(List.of("crit+")));
    assertEquals(Set.of(6, 7), LogNames.levels(List.of("+info")));
    assertEquals(Set.of(0, 3), LogNames.facilities(List.of("kern", "DAEMON")));
    assertThrows(TypeConversionException.class, () -> LogNames.levels(List.of("loud")));
  }
}
