package dev.vmstate.container;

import dev.vmstate.bytes.ByteSource;
import dev.vmstate.bytes.Cursor;
import dev.vmstate.bytes.FormatException;
import dev.vmstate.bytes.Span;
import dev.vmstate.stream.Command;
import dev.vmstate.stream.RecordType;
import dev.vmstate.stream.SectionHeader;
import dev.vmstate.stream.StreamHeader;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.OptionalLong;

/**
 * Looks for a stream that does not stand at the start of its file ({@code migrate file:F,offset=N}
 * leaves the first N bytes alone): magic and version, a configuration that can be read, and behind
 * it something that can start a stream's first record.
 */
final class StreamStart {
  /** As far as is looked. */
  static final long FARTHEST = 64 << 20;

  private static final int STEP = 1 << 20;
  private static final int MAGIC = 8;

  /** A configuration and a section's header: a few hundred bytes. */
  private static final int FRONT = 1 << 16;

  private StreamStart() {}

  /** Where the first stream starts. */
  static OptionalLong find(ByteSource file) throws IOException {
    long limit = Math.min(file.size(), FARTHEST);
    for (long at = 0; at + MAGIC <= limit; at += STEP) {
      int length = (int) Math.min(STEP + MAGIC - 1L, limit - at);
      ByteBuffer bytes = file.read(new Span(at, length));
      for (int i = 0; i + MAGIC <= length && i < STEP; i++) {
        if (bytes.get(i) == 'Q'
            && bytes.getInt(i) == StreamHeader.QEMU_VM_FILE_MAGIC
            && bytes.getInt(i + 4) == StreamHeader.QEMU_VM_FILE_VERSION
            && starts(file, at + i)) {
          return OptionalLong.of(at + i);
        }
      }
    }
    return OptionalLong.empty();
  }

  private static boolean starts(ByteSource file, long at) throws IOException {
    Span front = new Span(at, Math.min(FRONT, file.size() - at));
    Cursor in = new Cursor(file, file.name(), front);
    try {
      StreamHeader.decode(in, file.name());
      switch (in.peek()) {
        case RecordType.SECTION_START, RecordType.SECTION_FULL -> SectionHeader.decode(in);
        case RecordType.COMMAND -> Command.decode(in);
        default -> {
          return false;
        }
      }
      return true;
    } catch (FormatException e) {
      return false;
    }
  }
}
