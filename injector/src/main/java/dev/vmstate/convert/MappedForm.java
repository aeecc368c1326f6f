package dev.vmstate.convert;

import dev.vmstate.bytes.Progress;
import dev.vmstate.bytes.Span;
import dev.vmstate.bytes.UnsupportedFormatException;
import dev.vmstate.exchange.OutputFile;
import dev.vmstate.exchange.PageWriter;
import dev.vmstate.memory.RamBlock;
import dev.vmstate.ram.RamIndex;
import dev.vmstate.snapshot.StreamSnapshot;
import dev.vmstate.stream.RamFlags;
import dev.vmstate.stream.RecordType;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;

/**
 * Writes a snapshot as a mapped-ram file: each page at a place of its own in the file, a bitmap
 * that says which pages are there.
 *
 * <pre>
 * Stream ::= head with capability mapped-ram, RAM block list, other records, RAM part with EOS only,
 *            devices, EOF, vmdesc
 * Block  ::= countedString idstr, u64 used_length,
 *            u32 version(1) u64 page_size u64 bitmap_offset u64 pages_offset, bitmap, gap, pages
 * </pre>
 *
 * <p>Source: {@code migration/ram.c}, mapped_ram_setup_ramblock. The bitmap follows its header, the
 * pages start at the next MiB of the file, the next block behind them. The words of the bitmap are
 * in the writer's own byte order; little-endian is written here.
 */
public final class MappedForm {
  private static final int VERSION = 1;
  private static final int HEADER = 28;
  private static final long ALIGNMENT = 1 << 20;

  private final StreamSnapshot snapshot;
  private final Progress progress;

  /** {@code progress}: told how many bytes of the source are done. */
  public MappedForm(StreamSnapshot snapshot, Progress progress) {
    this.snapshot = snapshot;
    this.progress = progress;
  }

  /**
   * Refuses a stream whose shared RAM was left out.
   *
   * @throws UnsupportedFormatException since what such a block looks like differs from form to form
   */
  static void refuseShared(StreamSnapshot snapshot) throws IOException {
    if (snapshot.header().has("x-ignore-shared")) {
      throw new UnsupportedFormatException(
          snapshot.source().toString(),
          snapshot.ram().span().offset(),
          "written with x-ignore-shared: RAM that is shared is not in it, and only the same form of"
              + " stream can say so");
    }
  }

  /** Writes the whole file. */
  public void writeTo(OutputFile file) throws IOException {
    refuseShared(snapshot);
    byte[] head = Configurations.head(snapshot, true);
    file.write(ByteBuffer.wrap(head), 0);
    long at = copy(file, Configurations.beforeRam(snapshot), head.length);
    Span section = snapshot.ram().header().span();
    at = copy(file, section, at);
    long total = snapshot.blocks().stream().mapToLong(RamBlock::bytes).sum();
    at = write(file, words(total | RamFlags.MEM_SIZE), at);
    int blocks = snapshot.blocks().size();
    long[] bitmaps = new long[blocks];
    long[] pages = new long[blocks];
    for (int i = 0; i < blocks; i++) {
      RamBlock block = snapshot.blocks().get(i);
      byte[] name = block.name().getBytes(StandardCharsets.ISO_8859_1);
      bitmaps[i] = at + 1 + name.length + Long.BYTES + HEADER;
      long bitmapEnd = bitmaps[i] + bitmapBytes(block);
      pages[i] = Math.addExact(bitmapEnd, ALIGNMENT - 1) & -ALIGNMENT;
      ByteBuffer entry = ByteBuffer.allocate(1 + name.length + Long.BYTES + HEADER);
      entry.put((byte) name.length).put(name).putLong(block.bytes());
      entry.putInt(VERSION).putLong(block.pageSize()).putLong(bitmaps[i]).putLong(pages[i]);
      write(file, entry.flip(), at);
      at = Math.addExact(pages[i], block.bytes());
    }
    at = write(file, words(RamFlags.EOS), at);
    at = footer(file, at);
    pages(file, pages);
    for (int i = 0; i < blocks; i++) {
      bitmap(file, i, bitmaps[i]);
    }
    StreamPieces pieces = StreamPieces.of(snapshot);
    for (Span record : pieces.between()) {
      at = copy(file, record, at);
    }
    at = write(file, part(RecordType.SECTION_END), at);
    at = write(file, words(RamFlags.EOS), at);
    at = footer(file, at);
    copy(file, pieces.tail(), at);
  }

  private static long bitmapBytes(RamBlock block) {
    return (block.pages() + Long.SIZE - 1) / Long.SIZE * Long.BYTES;
  }

  private void pages(OutputFile file, long[] places) throws IOException {
    try (PageWriter writer =
        new PageWriter(
            snapshot.blocks(), snapshot.pageSize(), file, (b, offset) -> places[b] + offset)) {
      snapshot.scan(writer, progress);
      writer.finish();
    }
  }

  /**
   * A bit for each page that is not zero; pages the snapshot does not have are zero when loaded.
   */
  private void bitmap(OutputFile file, int block, long at) throws IOException {
    RamIndex index = snapshot.index();
    RamBlock ram = snapshot.blocks().get(block);
    ByteBuffer words = ByteBuffer.allocate(1 << 16).order(ByteOrder.LITTLE_ENDIAN);
    for (long first = 0; first < ram.pages(); first += Long.SIZE) {
      long word = 0;
      for (int i = 0; i < Long.SIZE && first + i < ram.pages(); i++) {
        if (!zero(index, block, first + i)) {
          word |= 1L << i;
        }
      }
      words.putLong(word);
      if (!words.hasRemaining() || first + Long.SIZE >= ram.pages()) {
        at = write(file, words.flip(), at);
        words.clear();
      }
    }
  }

  private static boolean zero(RamIndex index, int block, long page) {
    return switch (index.kind(block, page)) {
      case ABSENT -> true;
      case FILL -> index.value(block, page) == 0;
      default -> false;
    };
  }

  private ByteBuffer part(int type) {
    return ByteBuffer.allocate(5)
        .put((byte) type)
        .putInt((int) snapshot.ram().header().id())
        .flip();
  }

  private long footer(OutputFile file, long at) throws IOException {
    return snapshot.ram().footers() ? write(file, part(RecordType.SECTION_FOOTER), at) : at;
  }

  private long copy(OutputFile file, Span span, long at) throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    for (long from = span.offset(); from < span.end(); from += ALIGNMENT) {
      bytes.reset();
      long length = Math.min(ALIGNMENT, span.end() - from);
      StreamBytes.copy(snapshot.stream(), new Span(from, length), bytes, Progress.NONE);
      at = write(file, ByteBuffer.wrap(bytes.toByteArray()), at);
    }
    return at;
  }

  private static ByteBuffer words(long value) {
    return ByteBuffer.allocate(Long.BYTES).putLong(value).flip();
  }

  private static long write(OutputFile file, ByteBuffer bytes, long at) throws IOException {
    int length = bytes.remaining();
    file.write(bytes, at);
    return at + length;
  }
}
