package dev.vmstate.snapshot;

import dev.vmstate.bytes.ByteSource;
import dev.vmstate.bytes.Cursor;
import dev.vmstate.bytes.FormatException;
import dev.vmstate.bytes.WindowedSource;
import dev.vmstate.stream.RamSetup;
import dev.vmstate.stream.StreamHeader;
import java.io.IOException;
import java.util.Optional;

/**
 * The front of a stream: magic and configuration, and the list of RAM blocks.
 *
 * <p>Other records may stand between the two: {@code block}, which QEMU starts before {@code ram}
 * ({@code migrate -b}), the command POSTCOPY_ADVISE that comes with dirty bitmaps.
 *
 * @param recordsAt where the first record stands
 */
record StreamHead(StreamHeader header, long recordsAt, RamSetup ram) {
  private static final int WINDOW = 1 << 16;

  /** More than there are kinds of live sections. */
  private static final int MAX_BEFORE_RAM = 256;

  /**
   * Decodes from the first byte of the stream.
   *
   * @param streamAt file offset of the stream's first byte
   */
  static StreamHead decode(ByteSource stream, long streamAt, Optional<VmdescRecord> vmdesc)
      throws IOException {
    ByteSource front = new WindowedSource(stream, WINDOW);
    Cursor in = Cursor.of(front);
    StreamHeader header = StreamHeader.decode(in, stream.name());
    long recordsAt = in.position();
    OtherRecords before = new OtherRecords(stream, header, true, vmdesc);
    if (!before.startsRam(recordsAt)) {
      in = before.at(ramAt(before, stream, header, recordsAt, vmdesc));
    }
    if (stream.forward()) {
      StreamBound.set(stream, RamSetup.declaredBytes(before.at(in.position()), header));
      if (header.has("mapped-ram")) {
        stream.jump(ByteSource.UNKNOWN_SIZE - 1); // its list of blocks lies between the pages
      }
    }
    RamSetup ram = RamSetup.decode(in, header, stream.name(), streamAt);
    return new StreamHead(header, recordsAt, ram);
  }

  /** Whether there are footers is not known yet: with them if that leads to RAM, else without. */
  private static long ramAt(
      OtherRecords withFooters,
      ByteSource stream,
      StreamHeader header,
      long recordsAt,
      Optional<VmdescRecord> vmdesc)
      throws IOException {
    try {
      return ramAt(withFooters, stream, recordsAt);
    } catch (FormatException e) {
      try {
        return ramAt(new OtherRecords(stream, header, false, vmdesc), stream, recordsAt);
      } catch (FormatException without) {
        throw e;
      }
    }
  }

  private static long ramAt(OtherRecords records, ByteSource stream, long recordsAt)
      throws IOException {
    long position = recordsAt;
    for (int i = 0; i < MAX_BEFORE_RAM; i++) {
      position = records.pass(position);
      if (records.startsRam(position)) {
        return position;
      }
    }
    throw new FormatException(
        stream.name(),
        position,
        "%d records, none starts the ram section".formatted(MAX_BEFORE_RAM));
  }
}
