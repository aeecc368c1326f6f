package dev.vmstate.core.edit;

import dev.vmstate.core.objects.KernelObject;
import dev.vmstate.core.objects.KernelObjects;
import dev.vmstate.core.objects.NoSuchMemberException;
import dev.vmstate.core.process.PageFrames;
import java.io.IOException;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * How long a piece is that kmalloc gave: its {@code struct page} says of which cache, or, of more
 * than two pages, how many pages were taken together. Source: {@code mm/slub.c} {@code ksize} and
 * {@code kmalloc_large_node}, Linux 5.10 and 6.1.
 */
final class KmallocPiece {
  private static final int PAGE_SHIFT = 12;
  private static final int MOST_ORDER = 10;

  private final KernelObjects objects;

  KmallocPiece(KernelObjects objects) {
    this.objects = objects;
  }

  /** Bytes from {@code at}, the start of the piece, on; 0 when that is not known. */
  long bytes(long at) throws IOException {
    OptionalLong direct = objects.kernel().pageOffsetBase();
    OptionalLong size = objects.types().size("page");
    OptionalLong flag = objects.types().enumerator("PG_slab");
    if (direct.isEmpty() || size.isEmpty() || flag.isEmpty()) {
      return 0;
    }
    OptionalLong physical = objects.memory().translate(at);
    if (physical.isEmpty() || physical.getAsLong() + direct.getAsLong() != at) {
      return 0; // vmalloc: a page here, a page there
    }
    try {
      KernelObject page = new PageFrames(objects).at(physical.getAsLong());
      long head = page.number("compound_head");
      KernelObject first = (head & 1) != 0 ? objects.at("page", head - 1) : page;
      return (first.number("flags") >>> flag.getAsLong() & 1) != 0
          ? inCache(first)
          : pages(first, size.getAsLong());
    } catch (NoSuchMemberException other) {
      return 0;
    }
  }

  private static long inCache(KernelObject page) throws IOException {
    KernelObject slab = page.has("slab_cache") ? page : page.as("slab");
    Optional<KernelObject> cache = slab.follow("slab_cache", "kmem_cache");
    return cache.isEmpty() ? 0 : cache.get().number("object_size");
  }

  private long pages(KernelObject first, long pageSize) throws IOException {
    KernelObject second = objects.at("page", first.address() + pageSize);
    if ((second.number("compound_head") & ~1L) != first.address()) {
      return 0;
    }
    long order = second.number("compound_order");
    return order > MOST_ORDER ? 0 : 1L << PAGE_SHIFT + order;
  }
}
