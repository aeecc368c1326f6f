package dev.vmstate.kdump;

import dev.vmstate.bytes.Cursor;
import dev.vmstate.bytes.UnsupportedFormatException;
import java.io.IOException;

/**
 * One record of the flattened form, in which a dump is written to a pipe: what would be written at
 * some offset of the file, with that offset before it. QEMU's {@code dump-guest-memory -z} always
 * writes this form (since 8.2 {@code -R} writes the other), makedumpfile with {@code -F}.
 *
 * <pre>
 * Flat   ::= Header(4096) Record* End            (big-endian, whatever the dump inside is)
 * Header ::= "makedumpfile", pad to 16, i64 type = 1, i64 version = 1, zeros
 * Record ::= i64 offset, i64 size, the bytes
 * End    ::= i64 -1, i64 -1
 * </pre>
 *
 * <p>A later record replaces what an earlier one wrote. Source: makedumpfile {@code
 * makedumpfile.h}, struct makedumpfile_header and makedumpfile_data_header.
 *
 * @param offset in the file that is to be made
 * @param size bytes that follow
 */
public record FlatRecord(long offset, long size) {
  /** What a flattened file starts with. */
  public static final String SIGNATURE = "makedumpfile";

  /** Bytes of the header. */
  public static final int HEADER_BYTES = 4096;

  /** Bytes before a record's own. */
  public static final int BYTES = 16;

  private static final int TYPE_FLAT_HEADER = 1;
  private static final int VERSION_FLAT_HEADER = 1;
  private static final long END_FLAG_FLAT_HEADER = -1;

  /** Reads the file's header. */
  public static void decodeHeader(Cursor in, String place) throws IOException {
    String signature = in.text(16, "flattened header's signature");
    if (!signature.startsWith(SIGNATURE + "\0")) {
      throw in.bad("no flattened file: expected 'makedumpfile' and zeros");
    }
    long at = in.position();
    long type = in.u64("flattened header's type");
    long version = in.u64("flattened header's version");
    if (type != TYPE_FLAT_HEADER || version != VERSION_FLAT_HEADER) {
      throw new UnsupportedFormatException(
          place,
          at,
          "flattened format of type %d, version %d; 1 and 1 are known".formatted(type, version));
    }
    in.skip(HEADER_BYTES - 32, "flattened header");
  }

  /** Reads the next record's head; the cursor then stands at its bytes. */
  public static FlatRecord decode(Cursor in) throws IOException {
    long offset = in.u64("record's offset");
    long size = in.u64("record's size");
    FlatRecord record = new FlatRecord(offset, size);
    if (!record.end() && (offset < 0 || size < 0 || offset + size < 0)) {
      throw in.bad("a record of 0x%x bytes for offset 0x%x".formatted(size, offset));
    }
    return record;
  }

  /** Whether this is the mark behind the last record. */
  public boolean end() {
    return offset == END_FLAG_FLAT_HEADER && size == END_FLAG_FLAT_HEADER;
  }
}
