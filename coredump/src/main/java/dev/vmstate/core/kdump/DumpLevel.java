package dev.vmstate.core.kdump;

import java.util.Arrays;
import java.util.stream.Collectors;

/**
 * Which pages are left out of a dump, as makedumpfile's {@code -d} says it.
 *
 * @param bits of {@link PageKind}s, 0 to 31
 */
public record DumpLevel(int bits) {
  /** Every page is in the dump. */
  public static final DumpLevel NONE = new DumpLevel(0);

  private static final int ALL = 31;

  /** A level. */
  public DumpLevel {
    if (bits < 0 || bits > ALL) {
      throw new IllegalArgumentException("%d is no dump level: 0 to 31".formatted(bits));
    }
  }

  /**
   * A number, or words: {@code zero,cache,cache-private,user,free}.
   *
   * @throws IllegalArgumentException with what may stand there
   */
  public static DumpLevel parse(String text) {
    if (text.matches("[0-9]{1,4}")) {
      return new DumpLevel(Integer.parseInt(text));
    }
    int bits = 0;
    for (String word : text.split(",", -1)) {
      bits |= kind(word).bit();
    }
    return new DumpLevel(bits);
  }

  private static PageKind kind(String word) {
    for (PageKind kind : PageKind.values()) {
      if (kind.bit() != 0 && kind.word().equals(word)) {
        return kind;
      }
    }
    String words =
        Arrays.stream(PageKind.values())
            .filter(kind -> kind.bit() != 0)
            .map(PageKind::word)
            .collect(Collectors.joining(","));
    throw new IllegalArgumentException(
        "'%s' is no dump level: 0 to 31, or of %s".formatted(word, words));
  }

  boolean has(PageKind kind) {
    return (bits & kind.bit()) != 0;
  }

  /** Whether the guest's kernel has to be asked: zeros need nobody to tell them. */
  public boolean needsKernel() {
    return (bits & ~PageKind.ZERO.bit()) != 0;
  }
}
