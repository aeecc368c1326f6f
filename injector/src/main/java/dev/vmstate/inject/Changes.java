package dev.vmstate.inject;

import dev.vmstate.bytes.Patch;
import dev.vmstate.bytes.Span;
import dev.vmstate.device.FieldEdit;
import dev.vmstate.memory.MemoryMap;
import dev.vmstate.memory.RamBlock;
import dev.vmstate.snapshot.StreamSnapshot;
import dev.vmstate.stream.RamFlags;
import dev.vmstate.stream.RamSetup;
import dev.vmstate.stream.RecordType;
import dev.vmstate.stream.SectionHeader;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Turns changed pages into patches and page records, and keeps the account of them.
 *
 * <p>A page that stands nowhere in the stream goes to its place in a mapped-ram stream ({@link
 * MappedPlaces}), or becomes a page record.
 *
 * <p>A patch covers only the bytes that differ. A page record is {@code u64 (offset | PAGE)}, the
 * block's counted name, and the page; from the second record of a block on CONTINUE stands in for
 * the name.
 */
final class Changes implements RamEdits.Visitor {
  /** Two changed stretches closer than this are reported as one. */
  private static final int GAP = 8;

  private final StreamSnapshot snapshot;
  private final List<RamBlock> blocks;
  private final MemoryMap map;
  private final StreamTarget target;
  private final MappedPlaces mapped;
  private final List<InjectionReport.Range> ranges = new ArrayList<>();
  private long listedBytes;
  private long moreRanges;
  private long pages;
  private long appendedPages;
  private long memoryBytes;
  private int appendedBlock = -1;

  Changes(StreamSnapshot snapshot, StreamTarget target) throws IOException {
    this.snapshot = snapshot;
    this.mapped = new MappedPlaces(snapshot.stream(), snapshot.ram(), target);
    this.blocks = snapshot.blocks();
    this.map = snapshot.memoryMap();
    this.target = target;
  }

  @Override
  public void page(int block, long page, long dataAt, byte[] before, byte[] after)
      throws IOException {
    long offset = page * before.length;
    boolean differs = false;
    int at = Arrays.mismatch(before, after);
    while (at >= 0 && at < before.length) {
      int end = at + 1;
      for (int i = end; i < before.length && i < end + GAP; i++) {
        if (before[i] != after[i]) {
          end = i + 1;
        }
      }
      differs = true;
      range(block, offset + at, before, after, at, end);
      if (dataAt >= 0) {
        byte[] with = Arrays.copyOfRange(after, at, end);
        target.patch(new Patch(new Span(dataAt + at, with.length), ByteBuffer.wrap(with)));
      }
      int next = Arrays.mismatch(before, end, before.length, after, end, after.length);
      at = next < 0 ? -1 : end + next;
    }
    if (differs) {
      pages++;
      if (dataAt < 0) {
        add(block, page, after);
      }
    }
  }

  private void add(int block, long page, byte[] bytes) throws IOException {
    if (!snapshot.holds(block)) {
      throw new IOException(
          "%s: RAM block '%s' is shared memory that is not in the snapshot (x-ignore-shared): change it in its own file"
              .formatted(snapshot.source(), blocks.get(block).name()));
    }
    if (snapshot.ram().isMapped()) {
      mapped.put(block, page, bytes);
    } else {
      append(block, page * bytes.length, bytes);
    }
  }

  /** To be called after the last page. */
  void finish() throws IOException {
    mapped.finish();
  }

  private void range(int block, long offset, byte[] before, byte[] after, int from, int to) {
    for (int i = from; i < to; i++) {
      memoryBytes += before[i] == after[i] ? 0 : 1;
    }
    if (ranges.size() == InjectionReport.MOST_RANGES || listedBytes > InjectionReport.MOST_BYTES) {
      moreRanges++;
      return;
    }
    listedBytes += to - from;
    ranges.add(
        new InjectionReport.Range(
            physical(block, offset),
            blocks.get(block).name(),
            offset,
            new FieldEdit.Bytes(Arrays.copyOfRange(before, from, to)),
            new FieldEdit.Bytes(Arrays.copyOfRange(after, from, to))));
  }

  private long physical(int block, long offset) {
    for (MemoryMap.Range range : map.ranges()) {
      if (range.block() == block
          && offset >= range.offset()
          && offset < range.offset() + range.bytes()) {
        return range.start() + offset - range.offset();
      }
    }
    return -1;
  }

  private void append(int block, long offset, byte[] page) throws IOException {
    if (appendedPages == 0 && snapshot.index().hasDeflated()) {
      target.append(nextSection());
    }
    byte[] name = blocks.get(block).name().getBytes(StandardCharsets.ISO_8859_1);
    boolean named = block != appendedBlock;
    ByteBuffer record = ByteBuffer.allocate(8 + (named ? 1 + name.length : 0) + page.length);
    record.putLong(offset | RamFlags.PAGE | (named ? 0 : RamFlags.CONTINUE));
    if (named) {
      record.put((byte) name.length).put(name);
    }
    record.put(page).flip();
    appendedBlock = block;
    appendedPages++;
    target.append(record);
  }

  /**
   * Ends the section and begins another. QEMU inflates pages in threads of their own and waits for
   * them at the end of a section (wait_for_decompress_done): a page appended to the same section
   * could be overwritten by its older, compressed self.
   */
  private ByteBuffer nextSection() {
    RamSetup ram = snapshot.ram();
    ByteBuffer bytes = ByteBuffer.allocate(8 + 2 * SectionHeader.FOOTER_SIZE).putLong(RamFlags.EOS);
    if (ram.footers()) {
      bytes.put((byte) RecordType.SECTION_FOOTER).putInt((int) ram.header().id());
    }
    return bytes.put((byte) RecordType.SECTION_PART).putInt((int) ram.header().id()).flip();
  }

  /** What was seen; how much of the file is written is not known here. */
  InjectionReport report(List<FieldEdit> fields) {
    return new InjectionReport(
        List.of(), List.of(), fields, ranges, moreRanges, pages, appendedPages, memoryBytes, 0);
  }
}
