package dev.vmstate.cli.guest;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.Closeable;
import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * A core file, read without any of the code under test. Knows 64-bit little-endian cores with more
 * than 65534 program headers too: their count then stands in sh_info of section header 0.
 */
final class ElfDump implements Closeable {
  private static final int LOAD = 1;
  private static final int NOTE = 4;

  /** One PT_LOAD; {@code bytes} are in the file, what {@code memory} has more is zero. */
  record Load(long virtual, long physical, long offset, long bytes, long memory) {
    boolean holdsPhysical(long address) {
      return address >= physical && address - physical < memory;
    }

    boolean isOfTheKernel() {
      return virtual < 0;
    }
  }

  /** Where a note's descriptor lies. */
  record Note(String owner, int type, long offset, int bytes) {}

  private final FileChannel file;
  private final List<Load> loads = new ArrayList<>();
  private final List<Note> notes = new ArrayList<>();

  ElfDump(Path path) throws IOException {
    file = FileChannel.open(path);
    ByteBuffer header = read(0, 64);
    assertEquals(0x464c457f, header.getInt(0), "magic");
    assertEquals(4, header.getShort(16), "ET_CORE");
    assertEquals(2, header.get(4), "ELFCLASS64");
    // QEMU says EM_386 where no CPU is in long mode, also in a 64-bit file.
    assertTrue(Set.of((short) 62, (short) 3).contains(header.getShort(18)), "EM_X86_64 or EM_386");
    int count = header.getShort(56) & 0xffff;
    if (count == 0xffff) {
      count = read(header.getLong(40), 64).getInt(44);
    }
    ByteBuffer table = read(header.getLong(32), count * 56);
    for (int i = 0; i < count; i++) {
      ByteBuffer entry = table.slice(i * 56, 56).order(ByteOrder.LITTLE_ENDIAN);
      long offset = entry.getLong(8);
      long bytes = entry.getLong(32);
      if (entry.getInt(0) == LOAD) {
        loads.add(new Load(entry.getLong(16), entry.getLong(24), offset, bytes, entry.getLong(40)));
      } else if (entry.getInt(0) == NOTE) {
        readNotes(offset, bytes);
      }
    }
  }

  private void readNotes(long from, long bytes) throws IOException {
    for (long at = from; at < from + bytes; ) {
      ByteBuffer header = read(at, 12);
      int ownerBytes = header.getInt(0);
      String owner =
          new String(read(at + 12, ownerBytes).array(), StandardCharsets.US_ASCII).split("\0")[0];
      long descriptor = at + 12 + (ownerBytes + 3 & ~3);
      notes.add(new Note(owner, header.getInt(8), descriptor, header.getInt(4)));
      at = descriptor + (header.getInt(4) + 3 & ~3);
    }
  }

  List<Load> loads() {
    return loads;
  }

  List<byte[]> notes(String owner, int type) throws IOException {
    List<byte[]> found = new ArrayList<>();
    for (Note note : notes) {
      if (note.owner.equals(owner) && note.type == type) {
        found.add(read(note.offset, note.bytes).array());
      }
    }
    return found;
  }

  /**
   * The guest-physical ranges {start, end} that the file holds, sorted, those that touch joined.
   */
  List<List<Long>> physicalRanges() {
    return physicalRanges(loads);
  }

  static List<List<Long>> physicalRanges(List<Load> loads) {
    List<long[]> sorted =
        new ArrayList<>(
            loads.stream()
                .filter(load -> load.bytes > 0)
                .map(load -> new long[] {load.physical, load.physical + load.bytes})
                .toList());
    sorted.sort((a, b) -> Long.compareUnsigned(a[0], b[0]));
    List<List<Long>> joined = new ArrayList<>();
    for (long[] range : sorted) {
      int last = joined.size() - 1;
      if (last >= 0 && joined.get(last).get(1) >= range[0]) {
        long end = Math.max(joined.get(last).get(1), range[1]);
        joined.set(last, List.of(joined.get(last).get(0), end));
      } else {
        joined.add(List.of(range[0], range[1]));
      }
    }
    return joined;
  }

  /** The load that a debugger finds guest-physical memory by. */
  Optional<Load> loadOf(long physical) {
    return loads.stream().filter(load -> load.holdsPhysical(physical)).findFirst();
  }

  /**
   * The address by which a debugger reaches guest-physical memory: the kernel's, if the core has
   * one.
   */
  long virtual(long physical) {
    Load load =
        loads.stream()
            .filter(one -> one.isOfTheKernel() && one.holdsPhysical(physical))
            .findFirst()
            .or(() -> loadOf(physical))
            .orElseThrow(() -> new AssertionError("not in it: " + Long.toHexString(physical)));
    return load.virtual + (physical - load.physical);
  }

  byte[] physical(long address, int length) throws IOException {
    Load load = loadOf(address).orElseThrow();
    return read(load.offset + (address - load.physical), length).array();
  }

  /** The first address in {start, end} where two files differ, or -1. */
  long firstDifference(ElfDump other, List<Long> range) throws IOException {
    for (long at = range.get(0); at < range.get(1); ) {
      long here = at;
      Load mine = loadOf(at).orElseThrow(() -> new AssertionError("not in it: " + here));
      Load theirs = other.loadOf(at).orElseThrow(() -> new AssertionError("not in it: " + here));
      long end = Math.min(range.get(1), mine.physical + mine.bytes);
      end = Math.min(end, Math.min(theirs.physical + theirs.bytes, at + (1 << 20)));
      byte[] a = read(mine.offset + (at - mine.physical), (int) (end - at)).array();
      byte[] b = other.read(theirs.offset + (at - theirs.physical), (int) (end - at)).array();
      int differs = Arrays.mismatch(a, b);
      if (differs >= 0) {
        return at + differs;
      }
      at = end;
    }
    return -1;
  }

  /** The same ranges as in QEMU's own dump, and the same bytes in them. */
  void assertSameMemory(ElfDump qemus) throws IOException {
    assertEquals(qemus.physicalRanges(), physicalRanges());
    for (List<Long> range : physicalRanges()) {
      long differs = firstDifference(qemus, range);
      assertEquals(-1, differs, () -> "differs at 0x" + Long.toHexString(differs));
    }
  }

  private ByteBuffer read(long offset, int length) throws IOException {
    ByteBuffer buffer = ByteBuffer.allocate(length).order(ByteOrder.LITTLE_ENDIAN);
    while (buffer.hasRemaining()) {
      if (file.read(buffer, offset + buffer.position()) < 0) {
        throw new EOFException("at " + offset);
      }
    }
    return buffer.flip();
  }

  @Override
  public void close() throws IOException {
    file.close();
  }
}
