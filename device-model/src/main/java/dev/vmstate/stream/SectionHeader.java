package dev.vmstate.stream;

import dev.vmstate.bytes.Cursor;
import dev.vmstate.bytes.Span;
import java.io.IOException;

/**
 * What opens a START or FULL section.
 *
 * <pre>
 * SectionHeader ::= u8 type, u32 section_id, countedString idstr, u32 instance_id, u32 version_id
 * SectionFooter ::= 0x7e u32 section_id
 * </pre>
 *
 * <p>Source: {@code migration/savevm.c}, save_section_header and save_section_footer. Footers are
 * absent when the machine type has send-section-footer=off (2.3 and older).
 *
 * @param type {@link RecordType#SECTION_START} or {@link RecordType#SECTION_FULL}
 * @param id an arbitrary counter of the writer
 * @param idstr e.g. {@code ram}, {@code 0000:00:03.0/e1000}
 * @param span the header's own bytes
 */
public record SectionHeader(
    int type, long id, String idstr, long instance, long version, Span span) {
  /** Bytes of a footer. */
  public static final int FOOTER_SIZE = 5;

  /** Decodes from the type byte on. */
  public static SectionHeader decode(Cursor in) throws IOException {
    long start = in.position();
    int type = in.u8("section type");
    if (type != RecordType.SECTION_START && type != RecordType.SECTION_FULL) {
      throw in.bad("record type 0x%02x, a section (01 or 04) expected".formatted(type));
    }
    long id = in.u32("section id");
    String idstr = in.countedString("section idstr");
    if (!printable(idstr)) {
      throw in.bad("a section's idstr with unprintable characters");
    }
    long instance = in.u32("section instance id");
    long version = in.u32("section version");
    return new SectionHeader(
        type, id, idstr, instance, version, new Span(start, in.position() - start));
  }

  /** Bytes of the header of a section called {@code idstr}. */
  public static int size(String idstr) {
    return 1 + 4 + 1 + idstr.length() + 4 + 4;
  }

  /** Reads a footer and checks that it closes section {@code id}. */
  public static void footer(Cursor in, long id, String what) throws IOException {
    int mark = in.u8("section footer");
    if (mark != RecordType.SECTION_FOOTER) {
      throw in.bad(
          "0x%02x where the footer (7e) of section '%s' should stand".formatted(mark, what));
    }
    long found = in.u32("section id in the footer");
    if (found != id) {
      throw in.bad(
          "footer of section %d where section %d ('%s') should end".formatted(found, id, what));
    }
  }

  /** Whether a string can be an idstr: not empty, ASCII without control characters. */
  public static boolean printable(String idstr) {
    return !idstr.isEmpty() && idstr.chars().allMatch(c -> c >= 0x20 && c < 0x7f);
  }
}
