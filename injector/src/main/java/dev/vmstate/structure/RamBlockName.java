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
 * Another name for a RAM block. It stands in the block list and in every page record that does not
 * continue the block of the one before ({@code migration/ram.c}, save_page_header); a mapped-ram
 * stream has it in the list alone.
 */
public final class RamBlockName {
  private RamBlockName() {}

  /**
   * Changes the name; reads all of RAM for it, unless the stream is mapped-ram.
   *
   * @throws IOException when there is no such block, or one of that name already
   */
  public static void set(
      StructureEdits edits, String old, String name, String origin, Progress progress)
      throws IOException {
    byte[] counted = Names.counted("RAM block", name);
    StreamSnapshot snapshot = edits.snapshot();
    List<String> names = snapshot.blocks().stream().map(RamBlock::name).toList();
    int block = names.indexOf(old);
    if (block < 0) {
      throw new IOException(
          "%s: no RAM block '%s': it has %s"
              .formatted(snapshot.source(), old, names.stream().limit(12).toList()));
    }
    if (old.equals(name)) {
      return;
    }
    if (names.contains(name)) {
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

  /** Where the counted name stands in the block list. */
  private static Span inList(StreamSnapshot snapshot, int block) {
    RamSetup ram = snapshot.ram();
    boolean addresses = snapshot.header().has("x-ignore-shared");
    long at = ram.header().span().end() + Long.BYTES;
    for (int i = 0; i < block; i++) {
      if (ram.isMapped()) {
        MappedRam place = ram.mapped().get(i);
        at = place.stored() ? place.pages().end() : place.offsets().end();
      } else {
        at += 1 + ram.blocks().get(i).name().length() + Long.BYTES + (addresses ? Long.BYTES : 0);
      }
    }
    return new Span(at, 1L + ram.blocks().get(block).name().length());
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
}
