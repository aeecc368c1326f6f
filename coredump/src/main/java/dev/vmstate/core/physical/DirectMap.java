package dev.vmstate.core.physical;

import dev.vmstate.core.paging.VirtualMap;
import dev.vmstate.core.paging.VirtualRun;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * The physical memory a 64-bit kernel maps one to one: all RAM it knows of, in Linux to the page
 * ({@code arch/x86/mm/init.c}, init_mem_mapping). Told from everything else by being the most.
 *
 * @param stretches ascending, apart from each other
 */
record DirectMap(List<Stretch> stretches) {
  private static final long FOUR_GIB = 4L << 30;

  /** Devices stand here: who maps it maps addresses, not RAM. */
  private static final long DEVICES = 0xfee0_0000L;

  private static final long LEAST = 16L << 20;

  /** Guest-physical addresses. */
  record Stretch(long start, long end) {}

  /** The one in {@code virtual}; empty for kernels that have none, or one over everything. */
  static Optional<DirectMap> in(VirtualMap virtual) {
    Map<Long, Long> bytes = new HashMap<>();
    for (VirtualRun run : virtual.runs()) {
      if (run.virtual() < 0) {
        bytes.merge(run.virtual() - run.physical(), run.bytes(), Long::sum);
      }
    }
    Optional<Map.Entry<Long, Long>> most =
        bytes.entrySet().stream().max(Map.Entry.comparingByValue());
    if (most.isEmpty() || most.get().getValue() < LEAST) {
      return Optional.empty();
    }
    List<Stretch> found = new ArrayList<>();
    for (VirtualRun run : virtual.runs()) {
      if (run.virtual() < 0 && run.virtual() - run.physical() == most.get().getKey()) {
        found.add(new Stretch(run.physical(), run.physical() + run.bytes()));
      }
    }
    found.sort(Comparator.comparingLong(Stretch::start));
    List<Stretch> joined = new ArrayList<>();
    for (Stretch next : found) {
      Stretch last = joined.isEmpty() ? null : joined.get(joined.size() - 1);
      if (last != null && next.start() <= last.end()) {
        long end = Math.max(last.end(), next.end());
        joined.set(joined.size() - 1, new Stretch(last.start(), end));
      } else {
        joined.add(next);
      }
    }
    boolean everything = joined.stream().anyMatch(s -> s.start() <= DEVICES && s.end() > DEVICES);
    return everything ? Optional.empty() : Optional.of(new DirectMap(List.copyOf(joined)));
  }

  /** The last address below 4 GiB, plus one. */
  long lowEnd() {
    return stretches.stream()
        .filter(s -> s.end() <= FOUR_GIB)
        .mapToLong(Stretch::end)
        .max()
        .orElse(0);
  }

  /** The first stretch from 4 GiB on. */
  Optional<Stretch> high() {
    return stretches.stream().filter(s -> s.start() >= FOUR_GIB).findFirst();
  }
}
