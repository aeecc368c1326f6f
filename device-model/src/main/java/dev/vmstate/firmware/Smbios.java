package dev.vmstate.firmware;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.UUID;

/**
 * The SMBIOS structures in guest memory (DMTF DSP0134).
 *
 * <pre>
 * entry 2.1 ::= "_SM_" sum, u8 length 0x1f, u8 major, u8 minor, …, "_DMI_" sum, u16 bytes, u32 address, …
 * entry 3.0 ::= "_SM3_" sum, u8 length 0x18, u8 major, u8 minor, …, u32 most bytes, u64 address
 * structure ::= u8 type, u8 length, u16 handle, …, (text 0)* 0      texts are counted from 1
 * </pre>
 *
 * <p>Little-endian. The structures are under no checksum; the sums of the entry points cover where
 * they stand and not what they say, so an edit that moves nothing leaves them right.
 */
public final class Smbios {
  /** QEMU's longest are some KiB. */
  private static final int MOST_BYTES = 1 << 20;

  private static final int SYSTEM = 1;
  private static final int UUID_AT = 8;
  private static final int END = 127;

  /** A text by name: its structure's type and the place of its number. */
  private enum Text {
    BIOS_VENDOR("bios.vendor", 0, 0x04),
    BIOS_VERSION("bios.version", 0, 0x05),
    BIOS_DATE("bios.date", 0, 0x08),
    MANUFACTURER("manufacturer", SYSTEM, 0x04),
    PRODUCT("product", SYSTEM, 0x05),
    VERSION("version", SYSTEM, 0x06),
    SERIAL("serial", SYSTEM, 0x07),
    SKU("sku", SYSTEM, 0x19),
    FAMILY("family", SYSTEM, 0x1a),
    BOARD_MANUFACTURER("board.manufacturer", 2, 0x04),
    BOARD_PRODUCT("board.product", 2, 0x05),
    BOARD_VERSION("board.version", 2, 0x06),
    BOARD_SERIAL("board.serial", 2, 0x07),
    BOARD_ASSET("board.asset", 2, 0x08),
    CHASSIS_MANUFACTURER("chassis.manufacturer", 3, 0x04),
    CHASSIS_VERSION("chassis.version", 3, 0x06),
    CHASSIS_SERIAL("chassis.serial", 3, 0x07),
    CHASSIS_ASSET("chassis.asset", 3, 0x08);

    private final String path;
    private final int type;
    private final int at;

    Text(String path, int type, int at) {
      this.path = path;
      this.type = type;
      this.at = at;
    }

    static Text of(String path) {
      return Arrays.stream(values())
          .filter(text -> text.path.equals(path))
          .findFirst()
          .orElseThrow(
              () ->
                  new IllegalArgumentException(
                      "no smbios.%s: there are %s"
                          .formatted(path, Arrays.stream(values()).map(t -> t.path).toList())));
    }
  }

  /**
   * One structure.
   *
   * @param address guest-physical
   * @param bytes its formatted part
   * @param texts where each text starts, and one place behind the last
   */
  @SuppressWarnings("ArrayRecordComponent") // nobody compares them
  private record Structure(int type, long address, byte[] bytes, List<Long> texts) {}

  private final EditableMemory memory;
  private final boolean bigEndianUuid;
  private final List<Structure> structures;

  private Smbios(EditableMemory memory, boolean bigEndianUuid, List<Structure> structures) {
    this.memory = memory;
    this.bigEndianUuid = bigEndianUuid;
    this.structures = structures;
  }

  /**
   * Finds the structures.
   *
   * @throws IOException when there are none
   */
  public static Smbios find(EditableMemory memory) throws IOException {
    Optional<Long> entry = new Anchor(memory, "_SM3_", front -> length(front, 6, 0x18)).find();
    if (entry.isPresent()) {
      ByteBuffer bytes = bytes(memory.read(entry.get(), 0x18));
      return of(memory, version(bytes, 7), bytes.getLong(0x10), bytes.getInt(0x0c));
    }
    entry = new Anchor(memory, "_SM_", front -> length(front, 5, 0x1e)).find();
    if (entry.isEmpty()) {
      throw new IOException("no SMBIOS entry point is in guest memory: has the firmware run?");
    }
    ByteBuffer bytes = bytes(memory.read(entry.get(), 0x1f));
    return of(
        memory,
        version(bytes, 6),
        bytes.getInt(0x18) & 0xffff_ffffL,
        bytes.getShort(0x16) & 0xffff);
  }

  private static Optional<Integer> length(byte[] front, int at, int least) {
    int length = front[at] & 0xff;
    return length >= least && length <= Anchor.FRONT ? Optional.of(length) : Optional.empty();
  }

  private static int version(ByteBuffer entry, int at) {
    return (entry.get(at) & 0xff) << 8 | entry.get(at + 1) & 0xff;
  }

  private static ByteBuffer bytes(byte[] bytes) {
    return ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
  }

  private static Smbios of(EditableMemory memory, int version, long address, int length)
      throws IOException {
    if (length < 0 || length > MOST_BYTES) {
      throw new IOException("SMBIOS structures of %d bytes".formatted(length & 0xffff_ffffL));
    }
    byte[] table = memory.read(address, length);
    List<Structure> structures = new ArrayList<>();
    int at = 0;
    while (at + 4 <= table.length) {
      int type = table[at] & 0xff;
      int formatted = table[at + 1] & 0xff;
      int text = at + formatted;
      if (formatted < 4 || text + 2 > table.length) {
        break;
      }
      List<Long> texts = new ArrayList<>(List.of(address + text));
      int end = text;
      while (end + 1 < table.length && (table[end] != 0 || end == text && table[end + 1] != 0)) {
        while (end < table.length && table[end] != 0) {
          end++;
        }
        end++;
        texts.add(address + end);
      }
      structures.add(
          new Structure(type, address + at, Arrays.copyOfRange(table, at, at + formatted), texts));
      at = end + (texts.size() == 1 ? 2 : 1);
      if (type == END) {
        break;
      }
    }
    return new Smbios(memory, version < 0x0206, structures);
  }

  private Structure first(int type) throws IOException {
    return structures.stream()
        .filter(structure -> structure.type() == type)
        .findFirst()
        .orElseThrow(() -> new IOException("the SMBIOS tables have no structure of type " + type));
  }

  /** The machine's UUID. */
  public UUID uuid() throws IOException {
    ByteBuffer raw = ByteBuffer.wrap(swapped(memory.read(uuidAddress(), 16)));
    return new UUID(raw.getLong(), raw.getLong());
  }

  /** Gives the machine another UUID. */
  public TableEdit uuid(UUID uuid) throws IOException {
    String before = uuid().toString();
    ByteBuffer raw = ByteBuffer.allocate(16);
    raw.putLong(uuid.getMostSignificantBits()).putLong(uuid.getLeastSignificantBits());
    memory.write(uuidAddress(), swapped(raw.array()));
    return new TableEdit(
        "SMBIOS type 1, UUID, at 0x%x".formatted(uuidAddress()), before, uuid.toString());
  }

  private long uuidAddress() throws IOException {
    Structure system = first(SYSTEM);
    if (system.bytes().length < UUID_AT + 16) {
      throw new IOException("the SMBIOS structure of type 1 is too short for a UUID");
    }
    return system.address() + UUID_AT;
  }

  /** From SMBIOS 2.6 on the first three parts are little-endian. */
  private byte[] swapped(byte[] uuid) {
    return bigEndianUuid ? uuid : GenerationId.swapped(uuid);
  }

  /** A text by name. */
  public String text(String name) throws IOException {
    Text wanted = Text.of(name);
    Structure structure = first(wanted.type);
    int number = number(structure, wanted);
    return new String(current(structure, number), StandardCharsets.ISO_8859_1);
  }

  /**
   * Another text, as long as the old one or shorter; the rest becomes spaces, because the texts
   * behind it are found by counting.
   *
   * @throws IOException when it is longer, or when there is none
   */
  public TableEdit text(String name, String text) throws IOException {
    Text wanted = Text.of(name);
    Structure structure = first(wanted.type);
    int number = number(structure, wanted);
    byte[] before = current(structure, number);
    byte[] after = text.getBytes(StandardCharsets.ISO_8859_1);
    if (!text.matches("[\\x20-\\x7e]+")) {
      throw new IllegalArgumentException(
          "smbios.%s: printable ASCII expected, and at least a character".formatted(name));
    }
    if (after.length > before.length) {
      throw new IOException(
          "smbios.%s: has room for %d characters ('%s'), not for %d"
              .formatted(
                  name,
                  before.length,
                  new String(before, StandardCharsets.ISO_8859_1),
                  after.length));
    }
    byte[] padded = Arrays.copyOf(after, before.length);
    Arrays.fill(padded, after.length, padded.length, (byte) ' ');
    long address = structure.texts().get(number - 1);
    memory.write(address, padded);
    return new TableEdit(
        "SMBIOS type %d, %s, at 0x%x".formatted(wanted.type, name, address),
        "'" + new String(before, StandardCharsets.ISO_8859_1) + "'",
        "'" + new String(padded, StandardCharsets.ISO_8859_1) + "'");
  }

  private static int number(Structure structure, Text wanted) throws IOException {
    int number = wanted.at < structure.bytes().length ? structure.bytes()[wanted.at] & 0xff : 0;
    if (number == 0) {
      throw new IOException(
          "smbios.%s: is not given in the SMBIOS tables, so there is no place for it (QEMU's -smbios type=%d,… gives it)"
              .formatted(wanted.path, wanted.type));
    }
    if (number >= structure.texts().size()) {
      throw new IOException(
          "smbios.%s: is text %d of a structure that has %d"
              .formatted(wanted.path, number, structure.texts().size() - 1));
    }
    return number;
  }

  private byte[] current(Structure structure, int number) throws IOException {
    long start = structure.texts().get(number - 1);
    return memory.read(start, (int) (structure.texts().get(number) - start - 1));
  }

  /** How a UUID is typed. */
  public static UUID parse(String text) {
    String digits = text.replace("-", "").toLowerCase(Locale.ROOT);
    if (!digits.matches("[0-9a-f]{32}")) {
      throw new IllegalArgumentException(
          "'%s' is no UUID like c7b57cf4-9a0b-4c3e-8f4d-2f1f0a6d5b11".formatted(text));
    }
    ByteBuffer raw = ByteBuffer.wrap(HexFormat.of().parseHex(digits));
    return new UUID(raw.getLong(), raw.getLong());
  }
}
