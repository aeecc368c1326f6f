package dev.vmstate.firmware;

import dev.vmstate.memory.UnmappedAddressException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The ACPI tables in guest memory (ACPI 6.5, chapter 5.2).
 *
 * <pre>
 * RSDP  ::= "RSD PTR " sum of 20, oemId[6], u8 revision, u32 RSDT [, u32 length, u64 XSDT, sum of all, …]
 * table ::= signature[4] u32 length, u8 revision, u8 checksum, oemId[6], oemTableId[8],
 *           u32 oemRevision, creatorId[4], u32 creatorRevision, …
 * RSDT  ::= table header, u32 address*          XSDT ::= table header, u64 address*
 * FACP  ::= table header, u32 FACS, u32 DSDT, … at 132 u64 FACS, at 140 u64 DSDT
 * </pre>
 *
 * <p>Little-endian. The bytes of a table add up to 0; FACS alone has no checksum.
 */
public final class Acpi {
  private static final int HEADER = 36;
  private static final int LENGTH_AT = 4;
  private static final int CHECKSUM_AT = 9;
  private static final int MOST_BYTES = 16 << 20;
  private static final int MOST_TABLES = 1024;

  /** {@code FACP.oem_id}, {@code SSDT:1[0x2e]}. */
  private static final Pattern PATH =
      Pattern.compile(
          "([A-Z0-9_!]{4})(?::(\\d{1,3}))?(?:\\.([a-z_]+)|\\[(0x[0-9a-fA-F]{1,7}|\\d{1,8})])");

  /** A field of the header that every table has. */
  private enum Header {
    REVISION("revision", 8, 1, false),
    OEM_ID("oem_id", 10, 6, true),
    OEM_TABLE_ID("oem_table_id", 16, 8, true),
    OEM_REVISION("oem_revision", 24, 4, false),
    CREATOR_ID("creator_id", 28, 4, true),
    CREATOR_REVISION("creator_revision", 32, 4, false);

    private final String id;
    private final int at;
    private final int length;
    private final boolean text;

    Header(String id, int at, int length, boolean text) {
      this.id = id;
      this.at = at;
      this.length = length;
      this.text = text;
    }
  }

  /** Bytes of a table that a path names. */
  private record Target(long table, int at, int length, boolean text, boolean summed) {}

  private final EditableMemory memory;
  private final Map<String, Long> tables;

  private Acpi(EditableMemory memory, Map<String, Long> tables) {
    this.memory = memory;
    this.tables = tables;
  }

  /**
   * Finds the tables.
   *
   * @throws IOException when there are none
   */
  public static Acpi find(EditableMemory memory) throws IOException {
    Optional<Long> anchor = new Anchor(memory, "RSD PTR ", front -> Optional.of(20)).find();
    if (anchor.isEmpty()) {
      throw new IOException("no ACPI tables are in guest memory: has the firmware run?");
    }
    ByteBuffer rsdp = bytes(memory.read(anchor.get(), HEADER));
    long xsdt = rsdp.get(15) >= 2 ? rsdp.getLong(24) : 0;
    Acpi acpi = new Acpi(memory, new LinkedHashMap<>());
    acpi.root(xsdt != 0 ? xsdt : rsdp.getInt(16) & 0xffff_ffffL, xsdt != 0 ? 8 : 4);
    return acpi;
  }

  private static ByteBuffer bytes(byte[] bytes) {
    return ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
  }

  private void root(long address, int width) throws IOException {
    add(address);
    ByteBuffer root = bytes(table(address));
    int count = Math.min(MOST_TABLES, (root.capacity() - HEADER) / width);
    for (int i = 0; i < count; i++) {
      int at = HEADER + i * width;
      long entry = width == 8 ? root.getLong(at) : root.getInt(at) & 0xffff_ffffL;
      if (add(entry).equals("FACP")) {
        fixed(bytes(table(entry)));
      }
    }
  }

  /** FACS and DSDT stand in no list. */
  private void fixed(ByteBuffer facp) throws IOException {
    for (int i = 0; i < 2; i++) {
      long wide = facp.capacity() >= 148 ? facp.getLong(132 + 8 * i) : 0;
      long narrow = facp.capacity() >= 44 ? facp.getInt(36 + 4 * i) & 0xffff_ffffL : 0;
      if (wide != 0 || narrow != 0) {
        add(wide != 0 ? wide : narrow);
      }
    }
  }

  /**
   * Keeps a table by its signature, the second of a kind as {@code SSDT:1}; gives the signature.
   */
  private String add(long address) throws IOException {
    String signature;
    try {
      signature = new String(memory.read(address, 4), StandardCharsets.ISO_8859_1);
    } catch (UnmappedAddressException e) {
      return "";
    }
    String name = signature;
    for (int i = 1; tables.containsKey(name); i++) {
      if (tables.get(name) == address) {
        return signature;
      }
      name = signature + ":" + i;
    }
    tables.put(name, address);
    return signature;
  }

  private byte[] table(long address) throws IOException {
    int length = bytes(memory.read(address, 8)).getInt(LENGTH_AT);
    if (length < HEADER || length > MOST_BYTES) {
      throw new IOException(
          "the ACPI table at 0x%x says it has %d bytes".formatted(address, length & 0xffff_ffffL));
    }
    return memory.read(address, length);
  }

  /** The tables by name, and where they stand. */
  public Map<String, Long> tables() {
    return Map.copyOf(tables);
  }

  private Target target(String path) throws IOException {
    Matcher matcher = PATH.matcher(path);
    if (!matcher.matches()) {
      throw new IllegalArgumentException(
          "acpi.%s: acpi.FACP.oem_id, acpi.FACP[0x2e] or acpi.SSDT:1[0x40] expected"
              .formatted(path));
    }
    String name =
        matcher.group(1)
            + (matcher.group(2) == null ? "" : ":" + Integer.parseInt(matcher.group(2)));
    Long address = tables.get(name.endsWith(":0") ? matcher.group(1) : name);
    if (address == null) {
      throw new IOException(
          "no ACPI table %s: there are %s".formatted(name, List.copyOf(tables.keySet())));
    }
    boolean facs = matcher.group(1).equals("FACS");
    if (matcher.group(3) != null) {
      Header field =
          Arrays.stream(Header.values())
              .filter(header -> header.id.equals(matcher.group(3)) && !facs)
              .findFirst()
              .orElseThrow(
                  () ->
                      new IllegalArgumentException(
                          "acpi.%s: no such field; there are %s"
                              .formatted(
                                  path, Arrays.stream(Header.values()).map(h -> h.id).toList())));
      return new Target(address, field.at, field.length, field.text, true);
    }
    int at = Integer.decode(matcher.group(4));
    if (at < LENGTH_AT + 4) {
      throw new IllegalArgumentException(
          "acpi.%s: signature and length of a table stay as they are".formatted(path));
    }
    if (at >= table(address).length) {
      throw new IOException(
          "acpi.%s: the table has %d bytes".formatted(path, table(address).length));
    }
    return new Target(address, at, 1, false, !facs && at != CHECKSUM_AT);
  }

  /** A value as text: texts without the spaces behind them, numbers in hex. */
  public String text(String path) throws IOException {
    Target target = target(path);
    byte[] bytes = memory.read(target.table() + target.at(), target.length());
    return target.text() ? text(bytes).stripTrailing() : "0x%x".formatted(number(bytes));
  }

  /** Changes a value and the table's checksum; texts that are too short are filled with spaces. */
  public List<TableEdit> set(String path, String value) throws IOException {
    Target target = target(path);
    byte[] after;
    if (target.text()) {
      if (value.length() > target.length() || !value.matches("[\\x20-\\x7e]*")) {
        throw new IllegalArgumentException(
            "acpi.%s: at most %d characters of ASCII".formatted(path, target.length()));
      }
      after =
          (value + " ".repeat(target.length() - value.length()))
              .getBytes(StandardCharsets.US_ASCII);
    } else {
      after = encoded(path, value, target.length());
    }
    byte[] table = table(target.table());
    byte[] before = Arrays.copyOfRange(table, target.at(), target.at() + target.length());
    boolean held = Sum8.of(table, 0, table.length) == 0;
    int oldSum = table[CHECKSUM_AT] & 0xff;
    System.arraycopy(after, 0, table, target.at(), after.length);
    List<TableEdit> edits = new ArrayList<>();
    edits.add(
        new TableEdit(
            "ACPI %s, at 0x%x".formatted(path, target.table() + target.at()),
            target.text() ? "'" + text(before) + "'" : "0x%x".formatted(number(before)),
            target.text() ? "'" + text(after) + "'" : "0x%x".formatted(number(after))));
    if (target.summed() && held) {
      Sum8.fix(table, CHECKSUM_AT);
      edits.add(
          new TableEdit(
              "ACPI %s, checksum, at 0x%x"
                  .formatted(path.substring(0, 4), target.table() + CHECKSUM_AT),
              "0x%x".formatted(oldSum),
              "0x%x".formatted(table[CHECKSUM_AT] & 0xff)));
    }
    memory.write(target.table() + target.at(), after);
    memory.write(target.table() + CHECKSUM_AT, new byte[] {table[CHECKSUM_AT]});
    return edits;
  }

  private static byte[] encoded(String path, String value, int length) {
    long number;
    try {
      number = Long.decode(value);
    } catch (NumberFormatException e) {
      throw new IllegalArgumentException("acpi.%s: '%s' is no number".formatted(path, value), e);
    }
    if (number < 0 || number >>> 8 * length != 0) {
      throw new IllegalArgumentException(
          "acpi.%s: %s does not fit %d bytes".formatted(path, value, length));
    }
    byte[] bytes = new byte[length];
    for (int i = 0; i < length; i++) {
      bytes[i] = (byte) (number >> 8 * i);
    }
    return bytes;
  }

  private static String text(byte[] bytes) {
    return new String(bytes, StandardCharsets.ISO_8859_1)
        .replaceAll("\\x00+$", "")
        .replaceAll("[^\\x20-\\x7e]", "?");
  }

  private static long number(byte[] bytes) {
    long number = 0;
    for (int i = bytes.length; i-- > 0; ) {
      number = number << 8 | bytes[i] & 0xff;
    }
    return number;
  }
}
