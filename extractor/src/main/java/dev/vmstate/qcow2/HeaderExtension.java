package dev.vmstate.qcow2;

import dev.vmstate.bytes.ByteSource;
import dev.vmstate.bytes.Cursor;
import dev.vmstate.bytes.Span;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/**
 * {@code HeaderExtension ::= u32 type, u32 length, data, padding to 8}. The area ends with type 0,
 * or where the backing file's name or the first cluster ends.
 *
 * @param type see the constants
 * @param data where its bytes stand
 */
public record HeaderExtension(int type, Span data) {
  /** The backing file's format, as text. */
  public static final int BACKING_FORMAT = 0xe2792aca;

  /** Names of feature bits: u8 kind, u8 bit, 46 bytes of name. */
  public static final int FEATURE_NAMES = 0x6803f857;

  /** Where dirty bitmaps are. */
  public static final int BITMAPS = 0x23852875;

  /** Where the LUKS header is: u64 offset, u64 length. */
  public static final int ENCRYPTION_HEADER = 0x0537be77;

  /** The name of the external data file. */
  public static final int EXTERNAL_DATA_FILE = 0x44415441;

  private static final int END = 0;
  private static final int FEATURE_ENTRY = 48;

  static List<HeaderExtension> decodeAll(Cursor in) throws IOException {
    List<HeaderExtension> all = new ArrayList<>();
    while (in.remaining() >= 8) {
      int type = (int) in.u32("type");
      long length = in.u32("length");
      if (type == END) {
        break;
      }
      all.add(new HeaderExtension(type, in.skip(length, "extension 0x%08x".formatted(type))));
      in.skip(Math.min(-length & 7, in.remaining()), "padding");
    }
    return List.copyOf(all);
  }

  /** What the image itself calls the incompatible features {@code bits}: " (x, y)", or "". */
  static String featureNames(ByteSource image, List<HeaderExtension> extensions, long bits)
      throws IOException {
    List<String> names = new ArrayList<>();
    for (HeaderExtension extension : extensions) {
      if (extension.type == FEATURE_NAMES && extension.data.length() <= 64 * FEATURE_ENTRY) {
        ByteBuffer table = image.read(extension.data);
        for (int at = 0; at + FEATURE_ENTRY <= table.limit(); at += FEATURE_ENTRY) {
          if (table.get(at) == 0 && (bits >>> table.get(at + 1) & 1) != 0) {
            String name = StandardCharsets.US_ASCII.decode(table.slice(at + 2, 46)).toString();
            names.add(name.replaceAll("\\P{Graph}+", " ").strip());
          }
        }
      }
    }
    return names.isEmpty() ? "" : " (" + String.join(", ", names) + ")";
  }
}
