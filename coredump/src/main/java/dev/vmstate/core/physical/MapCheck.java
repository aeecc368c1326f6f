package dev.vmstate.core.physical;

import dev.vmstate.core.paging.PageTables;
import dev.vmstate.core.paging.VirtualMap;
import dev.vmstate.core.paging.WalkLimits;
import dev.vmstate.cpu.CpuMode;
import dev.vmstate.cpu.X86Cpu;
import dev.vmstate.memory.GuestMemory;
import dev.vmstate.memory.MemoryMap;
import dev.vmstate.memory.MemorySplit;
import dev.vmstate.memory.MemorySplit.Asked;
import dev.vmstate.memory.MemorySplit.Evidence;
import dev.vmstate.memory.MemorySplit.Source;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;

/**
 * Asks the guest whether the memory map is right. Page tables lead to tables only if RAM is where
 * the map has it, and a kernel that maps all RAM one to one shows where RAM ends; SeaBIOS keeps the
 * e820 it gave out. Where these leave a choice, Linux's copy of the e820 makes it.
 *
 * <p>A map they contradict is replaced when exactly one other fits them without a contradiction,
 * unless it is what the user asked for.
 */
public final class MapCheck {
  private static final long GIB = 1L << 30;

  /** Splits people ask for and old machine types had. */
  private static final long[] USUAL = {
    3 * GIB, 2 * GIB, 0xe000_0000L, GIB, 0xa000_0000L, 0x6000_0000L, 0xb000_0000L, 0xf000_0000L
  };

  /** A wrong map makes tables of anything; a right one need not be walked to the end. */
  private static final WalkLimits LIMITS = new WalkLimits(8192, 1 << 13);

  /** Firmware keeps some of the end of low memory to itself. */
  private static final long FIRMWARE = 64L << 20;

  /** CMOS counts in these. */
  private static final long ROUNDED = 1 << 16;

  private final GuestMemory memory;
  private final List<X86Cpu> cpus;
  private final Choices choices;

  /** What the map would be with another split. */
  public interface Choices {
    /** Empty when there is no choice. */
    Optional<MemoryMap> with(Asked asked) throws IOException;
  }

  private MapCheck(GuestMemory memory, List<X86Cpu> cpus, Choices choices) {
    this.memory = memory;
    this.cpus = cpus;
    this.choices = choices;
  }

  /** How well a map and the page tables go together; {@code lost}: CPUs whose code is nowhere. */
  private record Fit(
      MemoryMap map, MemorySplit split, VirtualMap walked, Optional<DirectMap> direct, int lost) {
    /** Where the kernel's own map of RAM says main memory is split. */
    OptionalLong below4g() {
      if (direct.isEmpty()) {
        return OptionalLong.empty();
      }
      Optional<DirectMap.Stretch> high = direct.get().high();
      long total = split.total();
      if (high.isEmpty()) {
        long left = total - direct.get().lowEnd();
        return left >= 0 && left < FIRMWARE ? OptionalLong.of(total) : OptionalLong.empty();
      }
      boolean more = map.ranges().stream().anyMatch(r -> r.start() >= mainEnd());
      long below = total - (high.get().end() - high.get().start());
      // What is plugged in may follow main memory without a gap.
      return more || below < direct.get().lowEnd() || below > MemorySplit.FOUR_GIB
          ? OptionalLong.empty()
          : OptionalLong.of(below);
    }

    private long mainEnd() {
      return split.above4gStart() + split.above4g();
    }

    boolean good() {
      OptionalLong says = below4g();
      Optional<DirectMap.Stretch> high = direct.flatMap(DirectMap::high);
      boolean start =
          high.isEmpty() || split.above4g() == 0 || high.get().start() == split.above4gStart();
      return walked.tables() > 1
          && lost == 0
          && walked.danglingEntries() * 50 <= walked.tables()
          && start
          && (says.isEmpty() || says.getAsLong() == split.below4g());
    }

    /** The same, with what {@code e820} says. */
    Fit with(E820 e820) {
      OptionalLong below = e820.below4g(split.total());
      MemoryMap more = below.isEmpty() ? map : map.and(new Evidence(Source.E820, below, ""));
      return new Fit(more, more.split().orElseThrow(), walked, direct, lost);
    }

    String text() {
      return "%d page tables, %d entries that point outside RAM%s"
          .formatted(
              walked.tables(),
              walked.danglingEntries(),
              lost == 0 ? "" : ", no code where %d CPUs are".formatted(lost));
    }
  }

  /**
   * Checks.
   *
   * @param memory whose blocks are read; its own map does not matter
   * @param map what was decided
   * @return the same with what was found among its reasons, or a better one
   */
  public static MemoryMap of(GuestMemory memory, List<X86Cpu> cpus, MemoryMap map, Choices choices)
      throws IOException {
    return map.split().isEmpty() ? map : new MapCheck(memory, cpus, choices).check(map);
  }

  private MemoryMap check(MemoryMap decided) throws IOException {
    MemoryMap map = decided;
    Optional<E820> e820 = FirmwareE820.in(over(map));
    if (e820.isPresent()) {
      map = told(map, e820.get());
    }
    MemorySplit split = map.split().orElseThrow();
    boolean paging = false;
    for (X86Cpu cpu : cpus) {
      paging |= PageTables.of(over(map), cpu).isPresent();
    }
    if (!paging) {
      return map;
    }
    Fit fit = fit(map);
    if (fit.good() && guessed(fit)) {
      fit = kernels(fit);
      map = fit.map();
      split = fit.split();
    }
    if (fit.good()) {
      MemoryMap agreed =
          map.and(new Evidence(Source.PAGE_TABLES, OptionalLong.of(split.below4g()), ""));
      return dimms(agreed.because(List.of(fit.text())), fit);
    }
    Optional<E820> linux = LinuxE820.in(over(map), cpus);
    List<Fit> better = new ArrayList<>();
    for (Asked asked : candidates(fit, split, linux)) {
      Optional<MemoryMap> other = choices.with(asked);
      if (other.isPresent()) {
        Fit next = fit(other.get());
        if (next.good()) {
          better.add(next);
        }
      }
    }
    if (better.size() > 1) {
      better = asLinux(better);
    }
    return judged(map, fit, better);
  }

  /** Nobody but the machine's rule says where memory is split, and the tables do not show it. */
  private static boolean guessed(Fit fit) {
    return fit.below4g().isEmpty()
        && fit.split().evidence().stream()
            .allMatch(e -> e.source() == Source.RULE || e.below4g().isEmpty());
  }

  /** Lets the kernel's e820 agree, or takes what it says if the page tables fit that too. */
  private Fit kernels(Fit fit) throws IOException {
    Optional<E820> linux = LinuxE820.in(over(fit.map()), cpus);
    if (linux.isEmpty()) {
      return fit;
    }
    if (!linux.get().agrees(fit.split())) {
      Fit next = fit(told(fit.map(), linux.get()));
      if (next.good()) {
        return next;
      }
    }
    return fit.with(linux.get());
  }

  /** Of several that fit, the one the kernel was told of when it started, if it is among them. */
  private List<Fit> asLinux(List<Fit> better) throws IOException {
    Optional<E820> linux = LinuxE820.in(over(better.get(0).map()), cpus);
    List<Fit> same =
        better.stream()
            .filter(fit -> linux.isPresent() && linux.get().agrees(fit.split()))
            .map(fit -> fit.with(linux.get()))
            .toList();
    return same.isEmpty() ? better : same;
  }

  private MemoryMap judged(MemoryMap map, Fit fit, List<Fit> better) {
    MemorySplit split = map.split().orElseThrow();
    if (better.isEmpty()) {
      return map.because(
          List.of("the page tables fit no memory map that was tried: " + fit.text()));
    }
    Fit best = better.get(0);
    long below = best.split().below4g();
    String says =
        "the page tables contradict %s below 4 GiB (%s) and fit %s (%s)"
            .formatted(
                MemorySplit.size(split.below4g()),
                fit.text(),
                MemorySplit.size(below),
                best.text());
    if (better.size() > 1 || split.from() == Source.USER) {
      return map.and(new Evidence(Source.PAGE_TABLES, OptionalLong.of(below), ""))
          .because(List.of(says + "; --below-4g " + option(below) + " would say so"));
    }
    return best.map().because(List.of(says + ", which is taken"));
  }

  /** As the option takes it. */
  private static String option(long bytes) {
    return bytes % (1 << 20) == 0
        ? (bytes >> 20) + "M"
        : bytes % 1024 == 0 ? (bytes >> 10) + "K" : Long.toString(bytes);
  }

  /** Adds what an e820 says, and takes it where nothing better is known. */
  private MemoryMap told(MemoryMap map, E820 e820) throws IOException {
    MemorySplit split = map.split().orElseThrow();
    OptionalLong below = e820.below4g(split.total());
    long start = e820.above4gStart().orElse(0);
    if (below.isEmpty()) {
      return map;
    }
    Evidence evidence = new Evidence(Source.E820, below, "");
    boolean elsewhere = split.above4g() > 0 && start > 0 && start != split.above4gStart();
    if (below.getAsLong() == split.below4g() && !elsewhere) {
      return map.and(evidence);
    }
    long apart = Math.abs(below.getAsLong() - split.below4g());
    boolean guessed = split.from() == Source.RULE || split.from() == Source.CMOS && apart < ROUNDED;
    if (guessed) {
      Optional<MemoryMap> other = choices.with(new Asked(below.getAsLong(), start, Source.E820));
      if (other.isPresent()) {
        return other.get();
      }
    }
    return map.and(evidence)
        .because(
            List.of(
                "the e820 of the firmware contradicts this; --below-4g %s would satisfy it"
                    .formatted(option(below.getAsLong()))));
  }

  private static Set<Asked> candidates(Fit fit, MemorySplit split, Optional<E820> linux) {
    Set<Long> starts = new LinkedHashSet<>();
    linux.ifPresent(e820 -> e820.above4gStart().ifPresent(starts::add));
    fit.direct().flatMap(DirectMap::high).ifPresent(high -> starts.add(high.start()));
    starts.add(split.above4gStart());
    starts.add(MemorySplit.FOUR_GIB);
    Set<Long> below = new LinkedHashSet<>();
    linux.ifPresent(e820 -> e820.below4g(split.total()).ifPresent(below::add));
    fit.below4g().ifPresent(below::add);
    below.add(split.below4g());
    for (Evidence evidence : split.evidence()) {
      evidence.below4g().ifPresent(below::add);
    }
    for (long usual : USUAL) {
      below.add(Math.min(usual, split.total()));
    }
    Set<Asked> all = new LinkedHashSet<>();
    for (long start : starts) {
      for (long one : below) {
        if (one != split.below4g() || start != split.above4gStart()) {
          all.add(new Asked(one, start, Source.PAGE_TABLES));
        }
      }
    }
    return all;
  }

  private Fit fit(MemoryMap map) throws IOException {
    GuestMemory over = over(map);
    VirtualMap walked = VirtualMap.of(over, cpus, LIMITS);
    int lost = 0;
    for (X86Cpu cpu : cpus) {
      Optional<PageTables> tables = PageTables.of(over, cpu);
      if (tables.isPresent() && cpu.mode() == CpuMode.LONG64) {
        OptionalLong code = tables.get().translate(cpu.get("rip"));
        lost += code.isPresent() && map.at(code.getAsLong()).isPresent() ? 0 : 1;
      }
    }
    return new Fit(map, map.split().orElseThrow(), walked, DirectMap.in(walked), lost);
  }

  /** DIMMs were put where QEMU would put them; where the kernel has them is better. */
  private static MemoryMap dimms(MemoryMap map, Fit fit) {
    if (fit.direct().isEmpty()) {
      return map;
    }
    DimmPlaces places = new DimmPlaces(map, fit.mainEnd(), fit.direct().get());
    OptionalLong stranger = places.stranger();
    if (stranger.isEmpty()) {
      return map;
    }
    Optional<MemoryMap> found = places.found();
    return found.isPresent()
        ? found
            .get()
            .because(List.of("DIMMs stand where the guest's kernel maps RAM, which has a gap"))
        : map.because(
            List.of(
                "the guest has RAM at 0x%x, where no block is placed: a DIMM stands elsewhere"
                    .formatted(stranger.getAsLong())));
  }

  private GuestMemory over(MemoryMap map) {
    return new GuestMemory() {
      @Override
      public MemoryMap map() {
        return map;
      }

      @Override
      public void readBlock(int block, long offset, ByteBuffer into) throws IOException {
        memory.readBlock(block, offset, into);
      }
    };
  }
}
