package dev.vmstate.exchange;

import dev.vmstate.core.vmcoreinfo.Vmcoreinfo;
import dev.vmstate.core.vmcoreinfo.VmcoreinfoPages;
import dev.vmstate.ram.PageVisitor;
import java.nio.ByteBuffer;
import java.util.Optional;
import java.util.TreeMap;

/**
 * Notices every VMCOREINFO among the pages that pass; of a page that comes twice the last counts.
 */
public final class VmcoreinfoVisitor implements PageVisitor {
  /** A guest may have filled its RAM with them. */
  private static final int MOST = 64;

  private final int pageSize;
  private final TreeMap<Place, Vmcoreinfo> found = new TreeMap<>();

  private record Place(int block, long page) implements Comparable<Place> {
    @Override
    public int compareTo(Place other) {
      int blocks = Integer.compare(block, other.block);
      return blocks != 0 ? blocks : Long.compare(page, other.page);
    }
  }

  /** {@code pageSize}: bytes of a page record. */
  public VmcoreinfoVisitor(int pageSize) {
    this.pageSize = pageSize;
  }

  @Override
  public void data(int block, long page, ByteBuffer bytes, int at, long offset) {
    Optional<Vmcoreinfo> info = Optional.empty();
    // The first letter of OSRELEASE, at the start or behind a note's head, lets nearly all pages
    // pass.
    if (bytes.get(at) == 'O' || bytes.get(at + Vmcoreinfo.NOTE_TEXT) == 'O') {
      byte[] copy = new byte[pageSize];
      bytes.get(at, copy);
      info = Vmcoreinfo.at(copy, 0, pageSize);
    }
    if (info.isPresent() && found.size() < MOST) {
      found.put(new Place(block, page), info.get());
    } else {
      fill(block, page, 0);
    }
  }

  @Override
  public void fill(int block, long page, int value) {
    if (!found.isEmpty()) {
      found.remove(new Place(block, page));
    }
  }

  /** What has passed. */
  public VmcoreinfoPages pages() {
    VmcoreinfoPages pages = new VmcoreinfoPages();
    found.values().forEach(pages::add);
    return pages;
  }
}
