package dev.vmstate.cli.guest;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.vmstate.bytes.Progress;
import dev.vmstate.exchange.CheckedMap;
import dev.vmstate.fixtures.RequiredTool;
import dev.vmstate.memory.MemoryMap;
import dev.vmstate.snapshot.StreamSnapshot;
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
 * The memory map of machines that were never switched on, against QEMU's own {@code info mtree -f}:
 * every range with its block and offset.
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

  /** Every boundary of every machine a page around, on every QEMU there is. */
  @Test
  @Tag("matrix")
  void ofEveryQemuAroundEveryBoundary() throws Exception {
    Map<String, List<Long>> boundaries =
        Map.of(
            "pc", List.of(3584L, 4096L), "q35", List.of(2816L, 4096L), "microvm", List.of(3072L));
    for (String version : List.of("5.2", "10.0", "11.1")) {
      for (Map.Entry<String, List<Long>> machine : boundaries.entrySet()) {
        for (long mib : machine.getValue()) {
          for (int page = -4; page <= 4; page += 4) {
            compare(
                GuestMachine.cachedQemu(version),
                "-M %s -m %dK".formatted(machine.getKey(), mib * 1024 + page));
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
    Map<Long, String> ours = new TreeMap<>();
    try (StreamSnapshot opened = StreamSnapshot.open(snapshot)) {
      CheckedMap.decide(
          opened, Progress.NONE); // all that memory-map does, without a JVM for each machine
      MemoryMap map = opened.memoryMap();
      for (MemoryMap.Range range : map.ranges()) {
        String block = map.blocks().get(range.block()).name();
        String name = block.substring(block.lastIndexOf('/') + 1);
        put(ours, range.start(), range.end(), name, range.offset());
      }
      assertEquals(qemus, ours, () -> machine + " " + map.reasons());
    }
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
