package dev.vmstate.core.physical;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vmstate.memory.MemoryMap;
import dev.vmstate.memory.RamBlock;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalLong;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

class DimmPlacesTest {
  private static final long MIB = 1L << 20;
  private static final long END = 4L << 30;

  /** Main memory of 256 MiB, and DIMMs one behind the other; sizes in MiB. */
  private static MemoryMap map(long... dimms) {
    List<RamBlock> blocks = new ArrayList<>(List.of(new RamBlock("pc.ram", 256 * MIB, 4096)));
    List<MemoryMap.Range> ranges = new ArrayList<>();
    ranges.add(new MemoryMap.Range(0, 256 * MIB, 0, 0));
    long at = END;
    for (long dimm : dimms) {
      blocks.add(new RamBlock("d" + blocks.size(), dimm * MIB, 4096));
      ranges.add(new MemoryMap.Range(at, dimm * MIB, blocks.size() - 1, 0));
      at += dimm * MIB;
    }
    return new MemoryMap(blocks, ranges, List.of("d1 at 0x1: assumed, where QEMU puts a DIMM"));
  }

  /** What the kernel maps behind 4 GiB: start and end in MiB. */
  private static DimmPlaces places(MemoryMap map, long... mapped) {
    List<DirectMap.Stretch> stretches = new ArrayList<>();
    stretches.add(new DirectMap.Stretch(0, 255 * MIB));
    for (int i = 0; i < mapped.length; i += 2) {
      stretches.add(new DirectMap.Stretch(END + mapped[i] * MIB, END + mapped[i + 1] * MIB));
    }
    return new DimmPlaces(map, END, new DirectMap(stretches));
  }

  private static String high(MemoryMap map) {
    return map.ranges().stream()
        .filter(r -> r.start() >= END)
        .map(r -> "%d@%d".formatted(r.block(), (r.start() - END) / MIB))
        .collect(Collectors.joining(" "));
  }

  @Test
  void whereTheMapIsRightThereIsNoStranger() {
    assertEquals(OptionalLong.empty(), places(map(256, 128), 0, 384).stranger());
    // RAM the kernel does not use says nothing
    assertEquals(OptionalLong.empty(), places(map(256, 128), 0, 256).stranger());
  }

  /** Three were plugged in, the second went: QEMU leaves its place free. */
  @Test
  void aGapIsFound() {
    DimmPlaces places = places(map(256, 256), 0, 256, 384, 640);
    assertEquals(OptionalLong.of(END + 512 * MIB), places.stranger());
    MemoryMap better = places.found().orElseThrow();
    assertEquals("1@0 2@384", high(better));
    assertEquals(List.of(), better.reasons());
  }

  @Test
  void anotherOrderIsFound() {
    DimmPlaces places = places(map(512, 128, 256), 0, 384, 1024, 1536);
    assertTrue(places.stranger().isPresent());
    assertEquals("2@0 3@128 1@1024", high(places.found().orElseThrow()));
  }

  @Test
  void whatDoesNotFillItIsNotGuessed() {
    assertTrue(places(map(512, 128), 0, 384, 1024, 1536).found().isEmpty());
    assertTrue(places(map(512, 128, 64), 0, 128, 1024, 1536).found().isEmpty());
    assertTrue(places(map(1, 1, 1, 1, 1, 1, 1, 1, 1), 16, 25).found().isEmpty());
    assertTrue(places(map()).found().isEmpty());
  }
}
