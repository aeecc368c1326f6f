package dev.vmstate.cli.guest;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * One line of the guest's program: what it finds in its own memory.
 *
 * @param zero the first bytes of its page of zeros, as a number
 * @param macs the address each driver believes its card to have
 */
record Tick(int number, long counter, String zero, Map<String, String> macs, String text) {
  private static final Pattern LINE =
      Pattern.compile("TICK (\\d+) counter=(\\d+) zero=([0-9a-f]{8}) (.*)text=(.*)");

  /** The whole ticks in a console's text, in order. */
  static List<Tick> in(String console) {
    List<Tick> ticks = new ArrayList<>();
    String whole = console.substring(0, console.lastIndexOf('\n') + 1);
    for (String line : whole.split("\n")) {
      Matcher matcher = LINE.matcher(line);
      if (matcher.matches()) {
        Map<String, String> macs = new TreeMap<>();
        for (String pair : matcher.group(4).split(" ")) {
          String[] parts = pair.split("=");
          if (parts.length == 2) {
            macs.put(parts[0], parts[1]);
          }
        }
        ticks.add(
            new Tick(
                Integer.parseInt(matcher.group(1)),
                Long.parseLong(matcher.group(2)),
                matcher.group(3),
                macs,
                matcher.group(5)));
      } else if (line.contains("TICK")) {
        throw new AssertionError("half a line: " + line);
      }
    }
    return ticks;
  }
}
