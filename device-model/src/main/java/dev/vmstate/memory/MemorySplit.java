package dev.vmstate.memory;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * Where main memory is split to leave room below 4 GiB for devices, and who says so.
 *
 * @param below4g bytes from address 0 on
 * @param above4gStart where the rest starts: 4 GiB, or 1 TiB for huge guests with an AMD CPU
 * @param total bytes of main memory
 * @param from whom {@code below4g} was taken from
 * @param evidence everybody who says something, {@code from} too, most trusted first
 */
public record MemorySplit(
    long below4g, long above4gStart, long total, Source from, List<Evidence> evidence) {
  /** Where the rest of main memory usually starts. */
  public static final long FOUR_GIB = 4L << 30;

  /** Who says where main memory is split, most trusted last. */
  public enum Source {
    /** What the machine type does by itself. */
    RULE("rule", "the rule of this machine type"),
    /** The ACPI table SRAT. */
    SRAT("srat", "the SRAT"),
    /** Bytes 0x34/0x35 and 0x5b to 0x5d. */
    CMOS("cmos", "CMOS"),
    /** The memory map the firmware gave the guest. */
    E820("e820", "the guest's e820"),
    /** Tables that point to tables. */
    PAGE_TABLES("page-tables", "a walk of the page tables"),
    /** An option. */
    USER("user", "the user");

    private final String key;
    private final String text;

    Source(String key, String text) {
      this.key = key;
      this.text = text;
    }

    /** A stable name. */
    public String key() {
      return key;
    }

    @Override
    public String toString() {
      return text;
    }
  }

  /**
   * What one source says.
   *
   * @param below4g bytes below 4 GiB, if it can be put like that
   * @param note what does not add up, or empty
   */
  public record Evidence(Source source, OptionalLong below4g, String note) {}

  /**
   * A split that is given, not found.
   *
   * @param above4gStart 0 where nothing else is known
   * @param by who gives it
   */
  public record Asked(long below4g, long above4gStart, Source by) {
    /** By an option. */
    public static Asked byUser(long below4g) {
      return new Asked(below4g, 0, Source.USER);
    }
  }

  public MemorySplit {
    evidence = List.copyOf(evidence);
  }

  /** Bytes behind the hole. */
  public long above4g() {
    return total - below4g;
  }

  /** The first address behind main memory, 4 GiB at least. */
  long end() {
    return above4gStart + above4g();
  }

  /** What {@code source} says. */
  public Optional<Evidence> of(Source source) {
    return evidence.stream().filter(e -> e.source() == source).findFirst();
  }

  /** Whether {@code other} says the same. */
  public boolean agrees(Evidence other) {
    return other.below4g().isPresent() && other.below4g().getAsLong() == below4g;
  }

  /**
   * Decides: CMOS where it adds up, then the SRAT, then the rule; an option before all of them.
   *
   * @param asked what is given, by the user or by what guest memory showed
   */
  static MemorySplit decide(
      long total,
      long rule,
      Optional<CmosMemory> cmos,
      Optional<Srat> srat,
      Optional<Asked> asked) {
    List<Evidence> evidence = new ArrayList<>();
    OptionalLong table = srat.map(s -> s.below4g(total)).orElse(OptionalLong.empty());
    long start = srat.flatMap(s -> s.above4gStart(total)).orElse(FOUR_GIB);
    if (asked.isPresent()) {
      long below = Math.min(asked.get().below4g(), total);
      evidence.add(new Evidence(asked.get().by(), OptionalLong.of(below), ""));
      start = asked.get().above4gStart() > 0 ? asked.get().above4gStart() : start;
    }
    if (cmos.isPresent()) {
      CmosMemory says = cmos.get();
      OptionalLong below = says.below(total, table.orElse(rule), rule);
      String note =
          below.isPresent()
              ? ""
              : "says %s + %s of %s".formatted(size(says.low()), size(says.high()), size(total));
      evidence.add(new Evidence(Source.CMOS, below, note));
    }
    if (table.isPresent()) {
      evidence.add(new Evidence(Source.SRAT, table, ""));
    }
    evidence.add(new Evidence(Source.RULE, OptionalLong.of(rule), ""));
    Evidence first = evidence.stream().filter(e -> e.below4g().isPresent()).findFirst().get();
    long below = Math.min(first.below4g().getAsLong(), FOUR_GIB);
    return new MemorySplit(below, start, total, first.source(), evidence);
  }

  /** The same with what one more source says. */
  public MemorySplit and(Evidence more) {
    List<Evidence> all = new ArrayList<>(evidence);
    all.removeIf(e -> e.source() == more.source());
    all.add(more);
    return new MemorySplit(below4g, above4gStart, total, from, all);
  }

  /** For people: {@code below 4 GiB: 3072 MiB, from CMOS; the rule of this machine type agrees}. */
  public String reason() {
    StringBuilder text = new StringBuilder("below 4 GiB: ").append(size(below4g));
    text.append(from == Source.USER ? ", as asked" : ", from " + from);
    for (Evidence other : evidence) {
      if (other.source() == from) {
        continue;
      }
      text.append("; ").append(other.source()).append(' ');
      if (!other.note().isEmpty()) {
        text.append(other.note());
      } else if (agrees(other)) {
        text.append("agrees");
      } else {
        text.append("says ").append(size(other.below4g().orElse(0)));
      }
    }
    if (of(Source.CMOS).isEmpty()) {
      text.append("; CMOS is not in the stream");
    }
    if (above4gStart != FOUR_GIB && above4g() > 0) {
      text.append("; the rest from 0x%x on".formatted(above4gStart));
    }
    return text.toString();
  }

  /** In MiB where it is whole. */
  public static String size(long bytes) {
    return bytes % (1 << 20) == 0
        ? (bytes >> 20) + " MiB"
        : bytes % 1024 == 0 ? (bytes >> 10) + " KiB" : "0x%x bytes".formatted(bytes);
  }
}
