package dev.vmstate.core.paging;

/**
 * How much a walk may do. Guest RAM is not trusted: it may be full of tables that point to tables.
 *
 * @param runs runs to keep, the longest ones
 * @param tables table pages to read, over all CPUs
 */
public record WalkLimits(int runs, int tables) {
  /** 40000 runs; half a million tables, which map 1 TiB in 4 KiB pages. */
  public static final WalkLimits DEFAULT = new WalkLimits(40_000, 1 << 19);

  public WalkLimits {
    if (runs < 1 || tables < 1) {
      throw new IllegalArgumentException("limits must be positive");
    }
  }
}
