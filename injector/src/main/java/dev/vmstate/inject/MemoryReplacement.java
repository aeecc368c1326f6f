package dev.vmstate.inject;

import dev.vmstate.memory.GuestMemory;
import dev.vmstate.memory.MemoryMap;
import dev.vmstate.memory.RamBlock;
import dev.vmstate.ram.RamIndex;
import dev.vmstate.snapshot.EditableSnapshot;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Memory of one machine in the place of another's, by guest-physical address. Where several
 * addresses show the same page of a block, as the BIOS is seen twice, the first that differs
 * counts.
 */
public final class MemoryReplacement implements RamEdits {
  private static final int PAGE = 4096;

  /** A stretch that both machines have at the same address. */
  private record Piece(int block, long offset, int otherBlock, long otherOffset, long bytes) {
    boolean holds(long at, int length) {
      return at >= offset && at + length <= offset + bytes;
    }
  }

  private final EditableSnapshot snapshot;
  private final GuestMemory memory;
  private final GuestMemory other;
  private final List<List<Piece>> pieces = new ArrayList<>();
  private long count = -1;

  /** {@code other}'s memory into {@code snapshot}. */
  public MemoryReplacement(EditableSnapshot snapshot, GuestMemory other) throws IOException {
    this.snapshot = snapshot;
    this.memory = snapshot.memory();
    this.other = other;
    for (int block = 0; block < snapshot.blocks().size(); block++) {
      pieces.add(new ArrayList<>());
    }
    for (MemoryMap.Range to : snapshot.memoryMap().ranges()) {
      for (MemoryMap.Range from : other.map().ranges()) {
        long start = Math.max(to.start(), from.start());
        long end = Math.min(to.end(), from.end());
        if (start < end) {
          pieces
              .get(to.block())
              .add(
                  new Piece(
                      to.block(),
                      to.offset() + start - to.start(),
                      from.block(),
                      from.offset() + start - from.start(),
                      end - start));
        }
      }
    }
  }

  /** Addresses that hold something in the other machine and have no place in the snapshot. */
  public List<String> unplaced() throws IOException {
    List<String> unplaced = new ArrayList<>();
    byte[] page = new byte[PAGE];
    for (MemoryMap.Range from : other.map().ranges()) {
      long first = -1;
      for (long at = 0; at <= from.bytes(); at += PAGE) {
        boolean lost =
            at < from.bytes()
                && snapshot.memoryMap().at(from.start() + at).isEmpty()
                && !zero(from.block(), from.offset() + at, page);
        if (lost && first < 0) {
          first = at;
        } else if (!lost && first >= 0) {
          unplaced.add("memory 0x%x-0x%x".formatted(from.start() + first, from.start() + at - 1));
          first = -1;
        }
      }
    }
    return unplaced;
  }

  private boolean zero(int block, long offset, byte[] page) throws IOException {
    if (other.isZero(block, offset, page.length)) {
      return true;
    }
    other.readBlock(block, offset, ByteBuffer.wrap(page));
    return Arrays.equals(page, new byte[page.length]);
  }

  @Override
  public long count() {
    return count < 0 ? 1 : count;
  }

  @Override
  public void visit(Visitor visitor) throws IOException {
    RamIndex index = snapshot.index();
    long changed = 0;
    for (int block = 0; block < pieces.size(); block++) {
      RamBlock ram = snapshot.blocks().get(block);
      byte[] before = new byte[ram.pageSize()];
      byte[] after = new byte[ram.pageSize()];
      for (long page = 0; page < ram.pages() && !pieces.get(block).isEmpty(); page++) {
        long at = page * ram.pageSize();
        if (replaced(block, at, before, after)) {
          boolean data = index.kind(block, page) == RamIndex.Kind.DATA;
          visitor.page(block, page, data ? index.value(block, page) : -1, before, after);
          changed++;
        }
      }
    }
    count = changed;
  }

  /** Whether the page changes; then both arrays are filled. */
  private boolean replaced(int block, long at, byte[] before, byte[] after) throws IOException {
    boolean read = false;
    for (Piece piece : pieces.get(block)) {
      if (!piece.holds(at, before.length)) {
        continue;
      }
      long from = piece.otherOffset() + at - piece.offset();
      if (memory.isZero(block, at, before.length)
          && other.isZero(piece.otherBlock(), from, after.length)) {
        continue;
      }
      if (!read) {
        memory.readBlock(block, at, ByteBuffer.wrap(before));
        read = true;
      }
      other.readBlock(piece.otherBlock(), from, ByteBuffer.wrap(after));
      if (!Arrays.equals(before, after)) {
        return true;
      }
    }
    return false;
  }
}
