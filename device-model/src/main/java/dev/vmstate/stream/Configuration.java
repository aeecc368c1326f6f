package dev.vmstate.stream;

import dev.vmstate.bytes.Cursor;
import dev.vmstate.bytes.Span;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * The machine the stream was written by.
 *
 * <pre>
 * Configuration ::= 0x07 u32 length, machine type without NUL, Subsection*
 * Subsection    ::= 0x05 countedName u32 version body
 *   configuration/target-page-bits  u32 bits
 *   configuration/capabilities      u32 count, count × countedString
 *   configuration/uuid              16 bytes
 * </pre>
 *
 * <p>Source: {@code migration/savevm.c}, vmstate_configuration. No length stands anywhere, so an
 * unknown subsection cannot be passed over.
 *
 * @param machine e.g. {@code pc-i440fx-7.2}
 * @param pageBits only written when the target's page size can vary (aarch64 does)
 * @param capabilities those that change the stream: {@code x-ignore-shared}, {@code mapped-ram}
 * @param uuid only with capability validate-uuid
 * @param span the whole record
 */
public record Configuration(
    String machine,
    OptionalInt pageBits,
    List<String> capabilities,
    Optional<String> uuid,
    Span span) {
  private static final int SUBSECTION = 0x05;
  private static final int MAX_MACHINE_NAME = 256;
  private static final int MAX_CAPABILITIES = 64;

  public Configuration {
    capabilities = List.copyOf(capabilities);
  }

  /** Decodes from the byte after the record's type. */
  static Configuration decode(Cursor in, long start) throws IOException {
    long length = in.u32("length of the machine type");
    if (length > MAX_MACHINE_NAME) {
      throw in.bad("a machine type of %d characters, at most 256 expected".formatted(length));
    }
    String machine = in.text(length, "machine type");
    OptionalInt pageBits = OptionalInt.empty();
    List<String> capabilities = new ArrayList<>();
    Optional<String> uuid = Optional.empty();
    while (in.peek() == SUBSECTION) {
      in.u8("subsection mark");
      String name = in.countedString("subsection name");
      in.u32("subsection version");
      switch (name) {
        case "configuration/target-page-bits" -> pageBits = OptionalInt.of(bits(in));
        case "configuration/capabilities" -> capabilities = capabilities(in);
        case "configuration/uuid" ->
            uuid =
                Optional.of(
                    HexFormat.of()
                        .formatHex(in.text(16, "uuid").getBytes(StandardCharsets.ISO_8859_1)));
        default ->
            throw in.bad(
                "subsection '%s' of the configuration is unknown, so its length is too"
                    .formatted(name));
      }
    }
    return new Configuration(
        machine, pageBits, capabilities, uuid, new Span(start, in.position() - start));
  }

  /**
   * The record as QEMU writes it, type byte and all; subsections in QEMU's order, none where there
   * is nothing to say.
   */
  public byte[] encode() {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    bytes.write(RecordType.CONFIGURATION);
    byte[] name = machine.getBytes(StandardCharsets.ISO_8859_1);
    u32(bytes, name.length);
    bytes.writeBytes(name);
    if (pageBits.isPresent()) {
      subsection(bytes, "configuration/target-page-bits");
      u32(bytes, pageBits.getAsInt());
    }
    if (!capabilities.isEmpty()) {
      subsection(bytes, "configuration/capabilities");
      u32(bytes, capabilities.size());
      capabilities.forEach(capability -> counted(bytes, capability));
    }
    if (uuid.isPresent()) {
      subsection(bytes, "configuration/uuid");
      bytes.writeBytes(HexFormat.of().parseHex(uuid.get()));
    }
    return bytes.toByteArray();
  }

  private static void subsection(ByteArrayOutputStream bytes, String name) {
    bytes.write(SUBSECTION);
    counted(bytes, name);
    u32(bytes, 1);
  }

  private static void counted(ByteArrayOutputStream bytes, String text) {
    byte[] latin = text.getBytes(StandardCharsets.ISO_8859_1);
    bytes.write(latin.length);
    bytes.writeBytes(latin);
  }

  private static void u32(ByteArrayOutputStream bytes, int value) {
    bytes.writeBytes(ByteBuffer.allocate(4).putInt(value).array());
  }

  private static int bits(Cursor in) throws IOException {
    long bits = in.u32("target page bits");
    if (bits < 10 || bits > 16) {
      throw in.bad("%d target page bits, 10 to 16 expected".formatted(bits));
    }
    return (int) bits;
  }

  private static List<String> capabilities(Cursor in) throws IOException {
    long count = in.u32("number of capabilities");
    if (count > MAX_CAPABILITIES) {
      throw in.bad("%d capabilities, at most %d expected".formatted(count, MAX_CAPABILITIES));
    }
    List<String> names = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      names.add(in.countedString("capability"));
    }
    return names;
  }

  /** Whether a capability that changes the stream was on. */
  public boolean has(String capability) {
    return capabilities.contains(capability);
  }
}
