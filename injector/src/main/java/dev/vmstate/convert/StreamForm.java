package dev.vmstate.convert;

import dev.vmstate.bytes.Progress;
import dev.vmstate.bytes.Span;
import dev.vmstate.bytes.WindowedSource;
import dev.vmstate.memory.GuestMemory;
import dev.vmstate.memory.RamBlock;
import dev.vmstate.ram.RamIndex;
import dev.vmstate.snapshot.StreamSnapshot;
import dev.vmstate.stream.RamFlags;
import dev.vmstate.stream.RecordType;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;

/**
 * Writes a snapshot's stream from front to back, in the form every loader takes: pages as records.
 *
 * <p>A stream whose pages are records already is copied byte for byte. A mapped-ram file keeps its
 * pages outside the records: there the capability goes from the configuration, the RAM block list
 * loses its bitmaps and places, and one part with every page, block by block, takes the place of
 * the empty ones. QEMU takes such a stream: ram_load_precopy asks for no order. A stream with
 * compressed pages is written in the same way: QEMU up to 9.0 takes those only when told to, with
 * capability compress, and later ones not at all.
 */
public final class StreamForm {
  private static final int WINDOW = 1 << 20;

  private final StreamSnapshot snapshot;
  private final Progress progress;

  /** {@code progress}: told how many bytes of the source are done. */
  public StreamForm(StreamSnapshot snapshot, Progress progress) {
    this.snapshot = snapshot;
    this.progress = progress;
  }

  /** Writes the whole stream. */
  public void writeTo(OutputStream out) throws IOException {
    if (pagesAreRecords()) {
      long end = snapshot.layout().end();
      progress.start("writing", end);
      StreamBytes.copy(snapshot.stream(), new Span(0, end), out, progress);
      return;
    }
    MappedForm.refuseShared(snapshot);
    StreamPieces pieces = StreamPieces.of(snapshot);
    out.write(Configurations.head(snapshot, false));
    copy(Configurations.beforeRam(snapshot), out);
    blockList(out);
    for (Span record : pieces.between()) {
      copy(record, out);
    }
    pages(out);
    copy(pieces.tail(), out);
  }

  private void copy(Span span, OutputStream out) throws IOException {
    StreamBytes.copy(snapshot.stream(), span, out, Progress.NONE);
  }

  private boolean pagesAreRecords() throws IOException {
    return !snapshot.header().has(Configurations.MAPPED_RAM) && !snapshot.index().hasDeflated();
  }

  private void blockList(OutputStream out) throws IOException {
    copy(snapshot.ram().header().span(), out);
    long total = snapshot.blocks().stream().mapToLong(RamBlock::bytes).sum();
    word(out, total | RamFlags.MEM_SIZE);
    for (RamBlock block : snapshot.blocks()) {
      name(out, block);
      word(out, block.bytes());
    }
    word(out, RamFlags.EOS);
    footer(out);
  }

  private void pages(OutputStream out) throws IOException {
    RamIndex index = snapshot.index();
    GuestMemory memory = snapshot.memory();
    WindowedSource window = new WindowedSource(snapshot.stream(), WINDOW);
    int size = snapshot.pageSize();
    byte[] page = new byte[size];
    progress.start("writing", snapshot.blocks().stream().mapToLong(RamBlock::bytes).sum());
    long done = 0;
    part(out, RecordType.SECTION_END);
    for (int block = 0; block < snapshot.blocks().size(); block++) {
      RamBlock ram = snapshot.blocks().get(block);
      boolean named = false;
      for (long i = 0; i < ram.pages(); i++) {
        RamIndex.Kind kind = index.kind(block, i);
        if (kind == RamIndex.Kind.ABSENT) {
          continue;
        }
        boolean fill = kind == RamIndex.Kind.FILL;
        word(
            out,
            i * size | (fill ? RamFlags.ZERO : RamFlags.PAGE) | (named ? RamFlags.CONTINUE : 0));
        if (!named) {
          name(out, ram);
          named = true;
        }
        if (fill) {
          out.write((int) index.value(block, i));
        } else {
          if (kind == RamIndex.Kind.DATA) {
            window.read(index.value(block, i), ByteBuffer.wrap(page));
          } else {
            memory.readBlock(block, i * size, ByteBuffer.wrap(page));
          }
          out.write(page);
        }
        progress.at(done + i * size);
      }
      done += ram.bytes();
    }
    word(out, RamFlags.EOS);
    footer(out);
    progress.at(done);
  }

  private void part(OutputStream out, int type) throws IOException {
    out.write(type);
    out.write(id());
  }

  private byte[] id() {
    return ByteBuffer.allocate(4).putInt((int) snapshot.ram().header().id()).array();
  }

  private void footer(OutputStream out) throws IOException {
    if (snapshot.ram().footers()) {
      part(out, RecordType.SECTION_FOOTER);
    }
  }

  private static void name(OutputStream out, RamBlock block) throws IOException {
    byte[] name = block.name().getBytes(StandardCharsets.ISO_8859_1);
    out.write(name.length);
    out.write(name);
  }

  private static void word(OutputStream out, long value) throws IOException {
    out.write(ByteBuffer.allocate(8).putLong(value).array());
  }
}
