package dev.vmstate.structure;

import dev.vmstate.bytes.Progress;
import dev.vmstate.bytes.Span;
import dev.vmstate.bytes.Splice;
import dev.vmstate.inject.InjectionReport;
import dev.vmstate.inject.StructureEdits;
import dev.vmstate.memory.RamBlock;
import dev.vmstate.ram.PageVisitor;
import dev.vmstate.snapshot.StreamSnapshot;
import dev.vmstate.stream.MappedRam;
import dev.vmstate.stream.RamSetup;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.List;

/**
 * RAM blocks: one gets another name, or goes with all its pages. The name stands in the block list
 * and in every page record that does not continue the block of the one before ({@code
 * migration/ram.c}, save_page_header); a mapped-ram stream has it in the list alone.
 */
public final class RamBlocks {
  private RamBlocks() {}

  /**
   * Changes the name; reads all of RAM for it, unless the stream is mapped-ram.
   *
   * @throws IOException when there is no such block, or one of that name already
   */
  public static void rename(
      StructureEdits edits, String old, String name, String origin, Progress progress)
      throws IOException {
    byte[] counted = Names.counted("RAM block", name);
    StreamSnapshot snapshot = edits.snapshot();
    int block = find(snapshot, old);
    if (old.equals(name)) {
      return;
    }
    if (names(snapshot).contains(name)) {
      throw new IOException("%s: has a RAM block '%s' already".formatted(snapshot.source(), name));
    }
    Span listed = inList(snapshot, block);
    edits.splice(Splice.of(listed, counted));
    long records = 0;
    if (!snapshot.ram().isMapped()) {
      Named named = new Named(edits, block, counted);
      snapshot.scan(named, progress);
      records = named.count;
    }
    edits.report(
        new InjectionReport.Structural(
            "ram/" + old,
            "block renamed to " + name,
            listed.offset(),
            listed.length(),
            counted.length,
            origin,
            records == 0 ? List.of() : List.of("page records that name it: " + records)));
  }

  /**
   * Takes a block out with all its pages; reads all of RAM for it, unless the stream is mapped-ram.
   *
   * @throws IOException when there is no such block, or no other
   */
  public static void drop(StructureEdits edits, String name, String origin, Progress progress)
      throws IOException {
    StreamSnapshot snapshot = edits.snapshot();
    int block = find(snapshot, name);
    RamBlock gone = snapshot.blocks().get(block);
    RamSetup ram = snapshot.ram();
    if (ram.blocks().size() == 1) {
      throw new IOException(
          "%s: '%s' is all of its memory, no QEMU loads a stream without any"
              .formatted(snapshot.source(), name));
    }
    Span entry = entry(snapshot, block);
    edits.splice(Splice.cut(entry));
    Span total = new Span(ram.header().span().end(), Long.BYTES);
    long word = snapshot.stream().read(total).getLong() - gone.bytes();
    edits.splice(new Splice(total, ByteBuffer.allocate(Long.BYTES).putLong(word).flip()));
    long bytes = entry.length();
    if (!ram.isMapped()) {
      Records records = new Records(edits, block);
      snapshot.scan(records, progress);
      bytes += records.bytes;
    }
    edits.report(
        new InjectionReport.Structural(
            "ram/" + name,
            "block dropped",
            entry.offset(),
            bytes,
            0,
            origin,
            List.of("memory of the guest: 0x%x bytes".formatted(gone.bytes()))));
  }

  private static List<String> names(StreamSnapshot snapshot) {
    return snapshot.blocks().stream().map(RamBlock::name).toList();
  }

  private static int find(StreamSnapshot snapshot, String name) throws IOException {
    int block = names(snapshot).indexOf(name);
    if (block < 0) {
      throw new IOException(
          "%s: no RAM block '%s': it has %s"
              .formatted(snapshot.source(), name, names(snapshot).stream().limit(12).toList()));
    }
    return block;
  }

  /** Where the counted name stands in the block list. */
  private static Span inList(StreamSnapshot snapshot, int block) {
    return new Span(
        entry(snapshot, block).offset(), 1L + snapshot.blocks().get(block).name().length());
  }

  /** A block's entry in the list; in a mapped-ram stream its pages belong to it. */
  private static Span entry(StreamSnapshot snapshot, int block) {
    RamSetup ram = snapshot.ram();
    boolean addresses = snapshot.header().has("x-ignore-shared");
    long at = ram.header().span().end() + Long.BYTES;
    for (int i = 0; ; i++) {
      long end = at + 1 + ram.blocks().get(i).name().length() + Long.BYTES;
      end += addresses ? Long.BYTES : 0;
      if (ram.isMapped()) {
        MappedRam place = ram.mapped().get(i);
        end = place.stored() ? place.pages().end() : place.offsets().end();
      }
      if (i == block) {
        return new Span(at, end - at);
      }
      at = end;
    }
  }

  /** Collects the places; the bytes that come are the same for all. */
  private static final class Named implements PageVisitor {
    private final StructureEdits edits;
    private final int block;
    private final ByteBuffer with;
    private long count;

    Named(StructureEdits edits, int block, byte[] with) {
      this.edits = edits;
      this.block = block;
      this.with = ByteBuffer.wrap(with);
    }

    @Override
    public void named(int named, Span where) throws IOException {
      if (named == block) {
        edits.splice(new Splice(where, with));
        count++;
      }
    }

    @Override
    public void data(int block, long page, ByteBuffer bytes, int at, long offset) {}

    @Override
    public void fill(int block, long page, int value) {}
  }

  /** Takes a block's records out: from one that names it to the next that names another. */
  private static final class Records implements PageVisitor {
    private final StructureEdits edits;
    private final int block;
    private int current = -1;
    private long from;
    private long bytes;

    Records(StructureEdits edits, int block) {
      this.edits = edits;
      this.block = block;
    }

    @Override
    public void starts(long at) {
      from = at;
    }

    @Override
    public void named(int named, Span where) throws IOException {
      long record = where.offset() - Long.BYTES;
      if (named != block || current != block) {
        cut(record);
        from = record;
      }
      current = named;
    }

    @Override
    public void ends(long eos) throws IOException {
      cut(eos);
    }

    private void cut(long to) throws IOException {
      if (current == block && to > from) {
        edits.splice(Splice.cut(new Span(from, to - from)));
        bytes += to - from;
      }
    }

    @Override
    public void data(int block, long page, ByteBuffer bytes, int at, long offset) {}

    @Override
    public void fill(int block, long page, int value) {}
  }
}
