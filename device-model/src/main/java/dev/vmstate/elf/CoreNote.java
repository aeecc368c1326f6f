package dev.vmstate.elf;

import dev.vmstate.bytes.ByteSource;
import dev.vmstate.bytes.Cursor;
import dev.vmstate.bytes.OrderedCursor;
import dev.vmstate.bytes.Span;
import dev.vmstate.bytes.UnsupportedFormatException;
import java.io.IOException;
import java.nio.ByteOrder;
import java.util.List;

/**
 * A note found in a dump; {@link ElfNote} has the grammar.
 *
 * @param owner without the NUL, e.g. {@code CORE}
 * @param type unsigned 32 bits
 * @param descriptor where its content stands in the file
 */
public record CoreNote(String owner, long type, Span descriptor) {
  private static final long MAX_BYTES = 16 << 20;

  /** The largest machines have 4096 CPUs, with up to nine notes each (s390x). */
  private static final int MAX_NOTES = 1 << 16;

  private static final int MAX_OWNER = 256;

  /**
   * Reads all notes of {@code where} and adds them to {@code notes}. The last one may come without
   * its padding.
   *
   * @param place names the file and the part in errors
   * @throws UnsupportedFormatException when there are more than any dump has
   */
  public static void decode(
      ByteSource source, String place, Span where, ByteOrder order, List<CoreNote> notes)
      throws IOException {
    if (where.length() > MAX_BYTES) {
      throw new UnsupportedFormatException(
          place,
          where.offset(),
          "0x%x bytes of notes; 16 MiB is the limit here".formatted(where.length()));
    }
    Cursor cursor = new Cursor(source, place, where);
    OrderedCursor in = new OrderedCursor(cursor, order);
    while (cursor.remaining() >= ElfNote.HEADER_BYTES) {
      if (notes.size() == MAX_NOTES) {
        throw new UnsupportedFormatException(
            place, cursor.position(), "more than %d notes".formatted(MAX_NOTES));
      }
      notes.add(one(in));
    }
  }

  private static CoreNote one(OrderedCursor in) throws IOException {
    Cursor cursor = in.in();
    long nameBytes = in.u32("n_namesz");
    if (nameBytes > MAX_OWNER && nameBytes <= cursor.remaining()) {
      throw cursor.bad("n_namesz %d: no owner's name is that long".formatted(nameBytes));
    }
    long descriptorBytes = in.u32("n_descsz");
    long type = in.u32("n_type");
    String name = cursor.text(nameBytes, "note name");
    skipPadding(cursor, nameBytes);
    Span descriptor = cursor.skip(descriptorBytes, "note descriptor");
    skipPadding(cursor, descriptorBytes);
    return new CoreNote(
        name.endsWith("\0") ? name.substring(0, name.length() - 1) : name, type, descriptor);
  }

  private static void skipPadding(Cursor cursor, long length) throws IOException {
    cursor.skip(Math.min(-length & 3, cursor.remaining()), "note padding");
  }

  /** Whether the note is of that owner and type. */
  public boolean is(String owner, long type) {
    return this.owner.equals(owner) && this.type == type;
  }
}
