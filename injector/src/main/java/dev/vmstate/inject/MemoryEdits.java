package dev.vmstate.inject;

import dev.vmstate.firmware.EditableMemory;
import dev.vmstate.memory.GuestMemory;
import dev.vmstate.memory.MemoryMap;
import dev.vmstate.memory.RamBlock;
import dev.vmstate.memory.UnmappedAddressException;
import dev.vmstate.ram.RamIndex;
import dev.vmstate.snapshot.EditableSnapshot;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Map;
import java.util.TreeMap;

/** Bytes of guest memory that are set to a value; few, each is held. */
public final class MemoryEdits implements RamEdits, EditableMemory {
  /** More is a core's business. */
  private static final int MOST_BYTES = 1 << 20;

  /** Block and offset inside it. */
  private record Place(int block, long offset) implements Comparable<Place> {
    @Override
    public int compareTo(Place other) {
      int byBlock = Integer.compare(block, other.block);
      return byBlock != 0 ? byBlock : Long.compare(offset, other.offset);
    }
  }

  private final EditableSnapshot snapshot;
  private final GuestMemory memory;
  private final TreeMap<Place, Byte> bytes = new TreeMap<>();

  /** The same by guest-physical address. */
  private final TreeMap<Long, Byte> written = new TreeMap<>();

  /** Of a snapshot, whose pages are looked for now if they have not been. */
  public MemoryEdits(EditableSnapshot snapshot) throws IOException {
    this.snapshot = snapshot;
    this.memory = snapshot.memory();
  }

  @Override
  public MemoryMap map() {
    return memory.map();
  }

  @Override
  public byte[] read(long address, int length) throws IOException {
    byte[] read = new byte[length];
    memory.readPhysical(address, ByteBuffer.wrap(read));
    written
        .subMap(address, address + length)
        .forEach((at, value) -> read[(int) (at - address)] = value);
    return read;
  }

  @Override
  public void write(long address, byte[] with) throws IOException {
    if (bytes.size() + (long) with.length > MOST_BYTES) {
      throw new IOException("more than %d bytes of memory in one edit".formatted(MOST_BYTES));
    }
    for (int i = 0; i < with.length; i++) {
      bytes.put(place(address + i), with[i]);
      written.put(address + i, with[i]);
    }
  }

  private Place place(long address) throws UnmappedAddressException {
    MemoryMap.Range range =
        memory
            .map()
            .at(address)
            .orElseThrow(() -> new UnmappedAddressException("physical", address));
    return new Place(range.block(), range.offset() + (address - range.start()));
  }

  @Override
  public long count() {
    return bytes.keySet().stream().map(this::page).distinct().count();
  }

  private Place page(Place at) {
    int size = memory.map().blocks().get(at.block()).pageSize();
    return new Place(at.block(), at.offset() / size);
  }

  @Override
  public void visit(Visitor visitor) throws IOException {
    RamIndex index = snapshot.index();
    Place next = bytes.isEmpty() ? null : page(bytes.firstKey());
    while (next != null) {
      RamBlock block = memory.map().blocks().get(next.block());
      byte[] before = new byte[block.pageSize()];
      long start = next.offset() * block.pageSize();
      memory.readBlock(next.block(), start, ByteBuffer.wrap(before));
      byte[] after = before.clone();
      Place end = new Place(next.block(), start + block.pageSize());
      for (Map.Entry<Place, Byte> set :
          bytes.subMap(new Place(next.block(), start), end).entrySet()) {
        after[(int) (set.getKey().offset() - start)] = set.getValue();
      }
      boolean data = index.kind(next.block(), next.offset()) == RamIndex.Kind.DATA;
      visitor.page(
          next.block(),
          next.offset(),
          data ? index.value(next.block(), next.offset()) : -1,
          before,
          after);
      Place more = bytes.ceilingKey(end);
      next = more == null ? null : page(more);
    }
  }
}
