package dev.vmstate.cli.guest;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;

/** Compares what gdb shows of a CPU with what QEMU's monitor shows. */
final class RegisterCheck {
  private RegisterCheck() {}

  /**
   * @param qemu from {@link Machine#registers}
   * @param gdb what "info registers" prints
   */
  static void assertSame(Map<String, Long> qemu, String gdb) {
    Map<String, String> expected = new TreeMap<>();
    Map<String, String> actual = new TreeMap<>();
    for (String line : gdb.split("\n")) {
      String[] words = line.split("\\s+");
      if (words.length < 3 || !words[1].startsWith("0x")) {
        continue;
      }
      String name = words[0].equals("eflags") ? "RFL" : words[0].toUpperCase(Locale.ROOT);
      if (qemu.containsKey(name)) {
        actual.put(name, words[1]);
        expected.put(name, "0x" + Long.toHexString(qemu.get(name)));
      }
    }
    assertEquals(expected, actual);
    assertEquals(16 + 2 + 6, actual.size(), actual::toString); // general, rip, flags, segments
  }
}
