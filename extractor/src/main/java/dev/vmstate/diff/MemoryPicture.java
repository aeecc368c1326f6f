package dev.vmstate.diff;

import dev.vmstate.memory.RamBlock;
import dev.vmstate.ram.RamIndex;
import dev.vmstate.snapshot.Snapshot;
import java.io.IOException;
import java.util.List;

/**
 * RAM from far away: one character for each MiB of a block, the strongest of what its pages are.
 *
 * <pre>
 * c  a page differs from the other snapshot
 * d  a page has data, none differs
 * .  zeros, or nothing was saved
 * </pre>
 */
final class MemoryPicture {
  static final long CELL = 1 << 20;

  private MemoryPicture() {}

  /** The cells of block {@code block} of {@code snapshot}. */
  static String cells(Snapshot snapshot, int block, List<PageDiff> differ) throws IOException {
    RamBlock ram = snapshot.blocks().get(block);
    RamIndex index = snapshot.index();
    PageDiff pages =
        differ.stream().filter(d -> d.block().name().equals(ram.name())).findFirst().orElse(null);
    long perCell = Math.max(1, CELL / ram.pageSize());
    StringBuilder cells = new StringBuilder();
    for (long first = 0; first < ram.pages(); first += perCell) {
      char cell = '.';
      for (long page = first; page < Math.min(first + perCell, ram.pages()); page++) {
        if (pages != null && pages.contains(page)) {
          cell = 'c';
          break;
        }
        RamIndex.Kind kind = index.kind(block, page);
        if (kind != RamIndex.Kind.ABSENT
            && (kind != RamIndex.Kind.FILL || index.value(block, page) != 0)) {
          cell = 'd';
        }
      }
      cells.append(cell);
    }
    return cells.toString();
  }
}
