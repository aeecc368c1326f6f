package dev.vmstate.inject;

import dev.vmstate.bytes.Span;
import dev.vmstate.bytes.Splice;
import dev.vmstate.stream.MappedRam;
import dev.vmstate.stream.RamSetup;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;

/**
 * Keeps the pages of a mapped-ram stream where they are while what stands in front of them grows or
 * shrinks. Between a block's bitmap and its pages lies a gap, since pages start at a MiB of the
 * file; it gives or takes what is needed. Where it is too small the pages move, by whole MiB, since
 * QEMU refuses others ({@code migration/ram.c}, parse_ramblock_mapped_ram: "region has bad
 * alignment"). The words that say where bitmap and pages stand are set to where they stand then.
 */
final class MappedFrame {
  private static final long ALIGNMENT = 1 << 20;

  private MappedFrame() {}

  /**
   * What is to be done beside {@code splices}.
   *
   * @param streamAt where the stream starts in its file
   * @param becomes where it will start
   */
  static Splices around(Splices splices, RamSetup ram, long streamAt, long becomes)
      throws IOException {
    List<Splice> all = new ArrayList<>(splices.list());
    List<Splice> gaps = new ArrayList<>();
    long from = 0;
    List<MappedRam> stays =
        ram.mapped().stream().filter(block -> block.stored() && !goes(block, splices)).toList();
    for (MappedRam block : stays) {
      Span gap = new Span(block.bitmap().end(), block.pages().offset() - block.bitmap().end());
      long more = splices.shift(gap.offset()) - splices.shift(from);
      gaps.add(resized(gap, more));
      from = block.pages().end();
    }
    all.addAll(gaps);
    Splices placed = Splices.of(all);
    for (MappedRam block : stays) {
      Span bitmap = moved(block.bitmap(), placed);
      Span pages = moved(block.pages(), placed);
      ByteBuffer was = block.offsets(streamAt).with();
      ByteBuffer words = new MappedRam(block.offsets(), bitmap, pages).offsets(becomes).with();
      if (!words.equals(was)) {
        all.add(new Splice(block.offsets(), words));
      }
    }
    return Splices.of(all);
  }

  /** Whether the block is taken out, pages and all. */
  private static boolean goes(MappedRam block, Splices splices) {
    return splices.list().stream().anyMatch(splice -> splice.where().contains(block.pages()));
  }

  private static Span moved(Span span, Splices splices) {
    return new Span(span.offset() + splices.shift(span.offset()), span.length());
  }

  /** The gap after {@code more} bytes came in front of it. */
  private static Splice resized(Span gap, long more) {
    long length = gap.length() - more;
    while (length < 0) {
      length += ALIGNMENT;
    }
    while (gap.length() < ALIGNMENT && length >= ALIGNMENT) {
      length -= ALIGNMENT;
    }
    return length >= gap.length()
        ? Splice.insert(gap.offset(), new byte[(int) (length - gap.length())])
        : Splice.cut(new Span(gap.offset(), gap.length() - length));
  }
}
