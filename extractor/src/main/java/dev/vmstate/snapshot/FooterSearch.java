package dev.vmstate.snapshot;

import dev.vmstate.bytes.ByteSource;
import dev.vmstate.bytes.Cursor;
import dev.vmstate.bytes.FormatException;
import dev.vmstate.bytes.Span;
import dev.vmstate.stream.Command;
import dev.vmstate.stream.RecordType;
import dev.vmstate.stream.SectionHeader;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Set;

/**
 * Looks for the end of a section whose length nothing tells: the first footer with its id behind
 * which a record can start. The five bytes of a footer may stand in a payload by chance; what
 * follows them then rarely looks like a record.
 */
final class FooterSearch {
  private static final int STEP = 1 << 16;
  private static final int LONGEST_HEADER = SectionHeader.size("x".repeat(255));

  private final ByteSource stream;
  private final long eof;
  private final Set<Long> live;

  /**
   * A search in one stream.
   *
   * @param eof where the stream's EOF byte is known to stand, or -1
   * @param live ids of sections that come in parts
   */
  FooterSearch(ByteSource stream, long eof, Set<Long> live) {
    this.stream = stream;
    this.eof = eof;
    this.live = live;
  }

  /** First byte after the footer of section {@code id} at or after {@code from}, or -1. */
  long end(long from, long id) throws IOException {
    long limit = eof >= 0 ? eof : stream.size();
    long longest = Math.min(STEP + SectionHeader.FOOTER_SIZE - 1L, Math.max(0, limit - from));
    ByteBuffer bytes = ByteBuffer.allocate((int) longest);
    for (long at = from; at + SectionHeader.FOOTER_SIZE <= limit; at += STEP) {
      int length =
          stream.readSome(at, bytes.clear().limit((int) Math.min(bytes.capacity(), limit - at)));
      for (int i = 0; i + SectionHeader.FOOTER_SIZE <= length && i < STEP; i++) {
        if (bytes.get(i) == RecordType.SECTION_FOOTER
            && (bytes.getInt(i + 1) & 0xffff_ffffL) == id
            && recordAt(at + i + SectionHeader.FOOTER_SIZE)) {
          return at + i + SectionHeader.FOOTER_SIZE;
        }
      }
      if (length < STEP) {
        break;
      }
    }
    return -1;
  }

  private boolean recordAt(long position) throws IOException {
    if (position >= stream.size()) {
      return false;
    }
    // Of a stream whose end is not known yet the cursor finds it.
    long left = Math.min(LONGEST_HEADER, stream.size() - position);
    Cursor in = new Cursor(stream, stream.name(), new Span(position, left));
    try {
      return switch (in.peek()) {
        case RecordType.EOF -> eof < 0 || position == eof;
        case RecordType.SECTION_PART, RecordType.SECTION_END -> {
          in.skip(1, "record type");
          yield live.contains(in.u32("section id"));
        }
        case RecordType.COMMAND -> Command.decode(in).known();
        case RecordType.SECTION_START, RecordType.SECTION_FULL -> {
          SectionHeader.decode(in);
          yield true;
        }
        default -> false;
      };
    } catch (FormatException e) {
      return false;
    }
  }
}
