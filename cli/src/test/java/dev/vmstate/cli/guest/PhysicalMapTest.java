package dev.vmstate.cli.guest;

import static org.junit.jupiter.api.Assertions.assertEquals;

import com.fasterxml.jackson.databind.JsonNode;
import dev.vmstate.fixtures.RequiredTool;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * What {@code memory-map} says of machines that were never switched on, against QEMU's own {@code
 * info mtree -f}: every range with its block and offset.
 */
class PhysicalMapTest {
  /** {@code start-end (prio N, kind): name @offset}. */
  private static final Pattern RANGE =
      Pattern.compile(
          "([0-9a-f]{16})-([0-9a-f]{16}) \\(prio -?\\d+, (\\S+)\\): (.+?)(?: @([0-9a-f]{16}))?\\s*");

  @TempDir private Path folder;

  @Tag("qemu")
  @ParameterizedTest
  @ValueSource(
      strings = {
        "-M pc -m 3670012K",
        "-M pc -m 3584M",
        "-M q35 -m 2883580K",
        "-M q35 -m 2816M",
        "-M pc,max-ram-below-4g=1G -m 2G",
        "-M q35 -m 1G -smp 2 -object memory-backend-ram,id=z,size=768M -numa node,memdev=z"
            + " -object memory-backend-ram,id=a,size=256M -numa node,memdev=a",
        "-M isapc -m 64M",
        "-M pc -m 256M,slots=4,maxmem=2G -object memory-backend-ram,id=a,size=128M"
            + " -device pc-dimm,memdev=a -object memory-backend-ram,id=b,size=256M"
            + " -device pc-dimm,memdev=b",
      })
  void isWhatQemuShows(String machine) throws Exception {
    RequiredTool.require("qemu-system-x86_64", "qemu-system-x86");
    compare(GuestMachine.hostQemu(), machine);
  }

  /** Every boundary a page around, on every QEMU there is. */
  @Test
  @Tag("matrix")
  void ofEveryQemuAroundEveryBoundary() throws Exception {
    for (String version : List.of("5.2", "10.0", "11.1")) {
      for (String machine : List.of("pc", "q35", "microvm")) {
        for (long mib : new long[] {2048, 2816, 3072, 3584, 4096, 5120}) {
          for (int page = -4; page <= 4; page += 4) {
            compare(
                GuestMachine.cachedQemu(version),
                "-M %s -m %dK".formatted(machine, mib * 1024 + page));
          }
        }
      }
    }
  }

  private void compare(List<String> qemu, String machine) throws Exception {
    List<String> words = new ArrayList<>(qemu);
    words.addAll(List.of("-accel", "tcg", "-display", "none", "-nodefaults"));
    words.addAll(Arrays.asList(machine.split(" ")));
    Path snapshot = folder.resolve("stopped.mig");
    Map<Long, String> qemus;
    try (Machine fresh = Machine.fresh(words)) {
      qemus = shown(fresh.qmp().human("info mtree -f"));
      fresh.save(snapshot);
    }
    JsonNode json = Vmstate.run("memory-map", "--json", snapshot).json();
    Map<Long, String> ours = new TreeMap<>();
    for (JsonNode range : json.path("memoryMap")) {
      String block = range.path("block").asText();
      put(
          ours,
          Long.decode(range.path("start").asText()),
          Long.decode(range.path("end").asText()),
          block.substring(block.lastIndexOf('/') + 1),
          Long.decode(range.path("offset").asText()));
    }
    assertEquals(qemus, ours, () -> machine + " " + json.path("reasons"));
  }

  private static void put(Map<Long, String> ranges, long start, long end, String block, long at) {
    ranges.put(start, "%x-%x %s+%x".formatted(start, end, block, at));
  }

  /** What is no device in the view all CPUs have outside system management mode. */
  private static Map<Long, String> shown(String text) {
    Map<Long, String> ranges = new TreeMap<>();
    for (String view : text.split("FlatView #")) {
      if (view.contains("AS \"memory\"")) {
        for (String line : view.lines().map(String::strip).toList()) {
          Matcher m = RANGE.matcher(line);
          if (m.matches() && !m.group(3).equals("i/o")) {
            long offset = m.group(5) == null ? 0 : Long.parseLong(m.group(5), 16);
            String name = m.group(4).substring(m.group(4).lastIndexOf('/') + 1);
            long end = Long.parseLong(m.group(2), 16) + 1;
            put(ranges, Long.parseLong(m.group(1), 16), end, name, offset);
          }
        }
      }
    }
    return ranges;
  }
}
