package dev.vmstate.core.vmcoreinfo;

import java.util.OptionalLong;

/**
 * What stands in {@code page._mapcount} (since 6.12 {@code page_type}) of a page of some kind. It
 * was a macro first, ~0x80 for the buddy allocator's pages; then {@code enum pagetype} of bits to
 * be cleared (6.11); then of numbers for the uppermost byte (6.12). Source: {@code
 * include/linux/page-flags.h}.
 */
final class PageTypes {
  private final KernelFacts kernel;
  private final Release release;

  PageTypes(KernelFacts kernel) {
    this.kernel = kernel;
    this.release = Release.of(kernel.release());
  }

  /**
   * The value of a kind.
   *
   * @param kind {@code buddy}, {@code offline}, {@code hugetlb}, {@code slab} or {@code unaccepted}
   */
  OptionalLong value(String kind) {
    OptionalLong number = kernel.enumerator("PGTY_" + kind);
    if (number.isPresent()) {
      return OptionalLong.of((int) (number.getAsLong() << 24));
    }
    OptionalLong bit = release.since("6.11") ? kernel.enumerator("PG_" + kind) : macro(kind);
    return bit.isPresent() ? OptionalLong.of((int) ~bit.getAsLong()) : OptionalLong.empty();
  }

  private OptionalLong macro(String kind) {
    long bit =
        switch (kind) {
          case "buddy" -> release.since("4.18") ? 0x80 : 0x7f;
          case "offline" -> 0x100;
          case "hugetlb" -> release.since("6.9") ? 0x800 : 0;
          case "slab" -> release.since("6.10") ? 0x1000 : 0;
          default -> 0;
        };
    return bit == 0 ? OptionalLong.empty() : OptionalLong.of(bit);
  }
}
