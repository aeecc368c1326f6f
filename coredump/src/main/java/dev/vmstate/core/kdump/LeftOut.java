package dev.vmstate.core.kdump;

import java.util.EnumMap;
import java.util.Map;

/** The frames that a dump does without, and how many of each kind. */
public final class LeftOut {
  private final DumpLevel level;
  private final FrameSet frames = new FrameSet();
  private final Map<PageKind, Long> counts = new EnumMap<>(PageKind.class);
  private long unknown;

  /** None yet. */
  LeftOut(DumpLevel level) {
    this.level = level;
  }

  /** A dump of every frame: levels that ask no kernel. */
  static LeftOut nothing(DumpLevel level) {
    return new LeftOut(level);
  }

  /** Leaves out {@code [from, to)}; those that are out already stay what they are. */
  void add(PageKind kind, long from, long to) {
    long added = frames.add(from, to);
    if (added > 0) {
      counts.merge(kind, added, Long::sum);
    }
  }

  void addUnknown(long more) {
    unknown += more;
  }

  FrameSet frames() {
    return frames;
  }

  /** What was asked for. */
  public DumpLevel level() {
    return level;
  }

  /** Frames of a kind that were left out. */
  public long count(PageKind kind) {
    return counts.getOrDefault(kind, 0L);
  }

  /** Frames of all kinds. */
  public long total() {
    return counts.values().stream().mapToLong(Long::longValue).sum();
  }

  /**
   * Frames the kernel has no {@code struct page} for, or one that cannot be read: ROMs and the
   * memory of graphics cards. They are in the dump.
   */
  public long unknown() {
    return unknown;
  }
}
