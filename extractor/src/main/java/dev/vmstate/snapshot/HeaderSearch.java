package dev.vmstate.snapshot;

import dev.vmstate.bytes.ByteSource;
import dev.vmstate.bytes.Cursor;
import dev.vmstate.bytes.FormatException;
import dev.vmstate.bytes.Span;
import dev.vmstate.stream.RecordType;
import dev.vmstate.stream.SectionHeader;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Set;

/**
 * Looks for the end of a section that has neither a footer nor a description, as machine types up
 * to 2.2 write them: the next place that reads like the header of a FULL section, of an id that no
 * other section has, or the byte 00 that ends the file. Sixteen bytes or more have to fit, so a
 * payload rarely holds such a place by chance; if one does, it is taken for two sections, whose
 * bytes are carried through all the same.
 */
final class HeaderSearch {
  private static final int STEP = 1 << 16;
  private static final int LONGEST_HEADER = SectionHeader.size("x".repeat(255));

  /** QEMU counts sections from 0. */
  private static final long MOST_SECTIONS = 1 << 16;

  private static final long HIGHEST_VERSION = 1 << 16;

  private final ByteSource stream;
  private final Set<Long> ids;

  /** {@code ids}: of the sections so far. */
  HeaderSearch(ByteSource stream, Set<Long> ids) {
    this.stream = stream;
    this.ids = ids;
  }

  /** Where the next record starts, at or after {@code from}; -1 when the file ends without one. */
  long next(long from) throws IOException {
    ByteBuffer bytes = ByteBuffer.allocate(STEP);
    int last = -1;
    long at = from;
    while (true) {
      int length = stream.readSome(at, bytes.clear());
      for (int i = 0; i < length; i++) {
        if (bytes.get(i) == RecordType.SECTION_FULL && headerAt(at + i)) {
          return at + i;
        }
      }
      if (length > 0) {
        last = bytes.get(length - 1);
      }
      at += length;
      if (length < STEP) {
        return last == RecordType.EOF ? at - 1 : -1;
      }
    }
  }

  private boolean headerAt(long position) throws IOException {
    long left = Math.min(LONGEST_HEADER, stream.size() - position);
    try {
      SectionHeader header =
          SectionHeader.decode(new Cursor(stream, stream.name(), new Span(position, left)));
      return header.id() < MOST_SECTIONS
          && header.version() < HIGHEST_VERSION
          && !ids.contains(header.id());
    } catch (FormatException e) {
      return false;
    }
  }
}
