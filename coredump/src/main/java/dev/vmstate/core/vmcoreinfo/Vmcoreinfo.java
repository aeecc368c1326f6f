package dev.vmstate.core.vmcoreinfo;

import dev.vmstate.elf.ElfNote;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * The text a Linux kernel keeps for crash tools: {@code KEY=VALUE} lines. It stands twice in RAM,
 * at the start of a page each time, so a look at every page's first bytes finds it: as it is
 * (vmcoreinfo_data), and as the ELF note a kernel started by kexec would take over.
 *
 * <p>Source: {@code kernel/vmcore_info.c} (crash_core.c before 6.9).
 */
public final class Vmcoreinfo {
  /** Owner of the note. */
  public static final String OWNER = "VMCOREINFO";

  /** The kernel's buffer has a page. */
  public static final int MOST_BYTES = 4096;

  private static final byte[] FIRST = "OSRELEASE=".getBytes(StandardCharsets.US_ASCII);

  /** Where the text begins in a note. */
  public static final int NOTE_TEXT = 24;

  /** What is enough to tell that there is none. */
  static final int HEAD_BYTES = NOTE_TEXT + FIRST.length;

  private final byte[] text;
  private final Map<String, String> values = new HashMap<>();

  private Vmcoreinfo(byte[] text) {
    this.text = text;
    for (String line : new String(text, StandardCharsets.ISO_8859_1).split("\n")) {
      int is = line.indexOf('=');
      if (is > 0) {
        values.putIfAbsent(line.substring(0, is), line.substring(is + 1));
      }
    }
  }

  /** The text, if it is a whole one. */
  public static Optional<Vmcoreinfo> of(byte[] text) {
    return text.length <= MOST_BYTES ? checked(text, 0, text.length) : Optional.empty();
  }

  /**
   * The text at the start of a page, if it is one.
   *
   * <p>Neither the format string in the kernel's image nor a copy that somebody has begun to write
   * has symbols and an end.
   *
   * @param room bytes from {@code from} on: a page, or two where the next is at hand, since the
   *     text of a note may go on there
   */
  public static Optional<Vmcoreinfo> at(byte[] bytes, int from, int room) {
    int end = from + room;
    if (isText(bytes, from)) {
      int length = 0;
      while (length < MOST_BYTES && from + length < end && bytes[from + length] != 0) {
        length++;
      }
      return checked(bytes, from, length);
    }
    if (room < HEAD_BYTES) {
      return Optional.empty();
    }
    // A note: namesz 11, descsz, type 0, "VMCOREINFO\0", padding. Its text ends where it says.
    ByteBuffer head = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
    if (head.getInt(from) != OWNER.length() + 1
        || head.getInt(from + 8) != 0
        || !starts(bytes, from + NOTE_TEXT)) {
      return Optional.empty();
    }
    int length = head.getInt(from + 4);
    boolean fits = length > 0 && length <= Math.min(MOST_BYTES, room - NOTE_TEXT);
    return fits ? checked(bytes, from + NOTE_TEXT, length) : Optional.empty();
  }

  /** Whether a text or a note could begin there, by its first {@link #HEAD_BYTES}. */
  static boolean mayBe(byte[] bytes, int from) {
    return from + HEAD_BYTES <= bytes.length
        && (starts(bytes, from) || starts(bytes, from + NOTE_TEXT));
  }

  /** Whether it is the text alone, without the note's head. */
  static boolean isText(byte[] bytes, int from) {
    return from + FIRST.length <= bytes.length && starts(bytes, from);
  }

  private static boolean starts(byte[] bytes, int from) {
    for (int i = 0; i < FIRST.length; i++) {
      if (bytes[from + i] != FIRST[i]) {
        return false;
      }
    }
    return true;
  }

  private static Optional<Vmcoreinfo> checked(byte[] bytes, int from, int length) {
    byte[] text = new byte[length];
    System.arraycopy(bytes, from, text, 0, length);
    Vmcoreinfo found = new Vmcoreinfo(text);
    boolean whole =
        length > 0
            && text[length - 1] == '\n'
            && found.release().matches("[\\x21-\\x7e]{1,64}")
            && found.symbol("_stext").isPresent()
            && found.value("PAGESIZE").isPresent();
    return whole ? Optional.of(found) : Optional.empty();
  }

  /** The text, byte for byte. */
  public byte[] bytes() {
    return text.clone();
  }

  /** The text as a note. */
  public ElfNote note() {
    return ElfNote.of(OWNER, 0, text.clone());
  }

  /** What stands behind {@code key=}; of a key that comes twice the first. */
  public Optional<String> value(String key) {
    return Optional.ofNullable(values.get(key));
  }

  /** {@code OSRELEASE}. */
  public String release() {
    return value("OSRELEASE").orElse("");
  }

  /** {@code SYMBOL(name)}: a virtual address. */
  public OptionalLong symbol(String name) {
    return number("SYMBOL(%s)".formatted(name), 16);
  }

  /** {@code OFFSET(struct.field)}. */
  public OptionalLong offset(String field) {
    return number("OFFSET(%s)".formatted(field), 10);
  }

  /** {@code SIZE(struct)}. */
  public OptionalLong size(String struct) {
    return number("SIZE(%s)".formatted(struct), 10);
  }

  /** {@code LENGTH(array)}. */
  public OptionalLong length(String array) {
    return number("LENGTH(%s)".formatted(array), 10);
  }

  /** {@code NUMBER(name)}, which may be negative. */
  public OptionalLong number(String name) {
    return number("NUMBER(%s)".formatted(name), 10);
  }

  /** {@code KERNELOFFSET}: how far the kernel was moved. */
  public OptionalLong kernelOffset() {
    return number("KERNELOFFSET", 16);
  }

  /** {@code NUMBER(phys_base)}, which may be negative. */
  public OptionalLong physBase() {
    return number("phys_base");
  }

  private OptionalLong number(String key, int radix) {
    String value = values.get(key);
    if (value == null) {
      return OptionalLong.empty();
    }
    try {
      return OptionalLong.of(
          radix == 16 ? Long.parseUnsignedLong(value, 16) : Long.parseLong(value));
    } catch (NumberFormatException e) {
      return OptionalLong.empty();
    }
  }
}
