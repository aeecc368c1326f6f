package dev.vmstate.device;

import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A kind of number whose bits or values have names: the number and the names as people read and
 * write them, in hardware.xml, {@code get}, {@code set} and {@code diff}.
 *
 * @param bits width, 1 to 64
 * @param signed whether people read the number with a sign
 * @param meaning the names
 */
public record NamedNumber(int bits, boolean signed, Meaning meaning) {
  private static final Pattern SHOWN = Pattern.compile("\\s*(\\S+)\\s+\\[([^\\]]*)]\\s*");
  private static final Pattern NUMBER = Pattern.compile("[+-]?\\d+|0[xX][0-9a-fA-F_]*|true|false");

  /** Of a type, if {@code meaning} has names. */
  public static Optional<NamedNumber> of(ScalarType type, Optional<Meaning> meaning) {
    return meaning
        .filter(Meaning::named)
        .map(names -> new NamedNumber(8 * type.width(), type.signed(), names));
  }

  /** Of what a path leads to: a single number with names. */
  public static Optional<NamedNumber> of(FieldPath path) {
    return path.type().flatMap(type -> of(type, path.meaning()));
  }

  /** Whether a text is a number of its own and not names. */
  public static boolean isNumber(String text) {
    return NUMBER.matcher(text.trim()).matches();
  }

  private long mask() {
    return bits == Long.SIZE ? -1L : (1L << bits) - 1;
  }

  /** {@code bits} where single bits have names, {@code means} where whole values do. */
  public String attribute() {
    return meaning.bits().isEmpty() ? "means" : "bits";
  }

  /**
   * The names with spaces between, {@code 0} where no bit is set; empty where the value has none,
   * or where reading them would give another value.
   */
  public String names(long value) {
    String names = format(value);
    try {
      return names.isEmpty() || parse(names, value) != value ? "" : names;
    } catch (IllegalArgumentException e) {
      return "";
    }
  }

  private String format(long value) {
    if (value < 0 && signed) {
      for (Map.Entry<String, Long> named : meaning.values().entrySet()) {
        if (named.getValue() == value) {
          return named.getKey();
        }
      }
    }
    return meaning.format(value & mask()).replace('|', ' ');
  }

  /** The number as it is shown beside its names: in hex where it is made of bits, or long. */
  public String number(long value) {
    boolean plain = meaning.bits().isEmpty() && value < 10 && (value >= 0 || signed);
    return plain ? Long.toString(value) : "0x" + Long.toHexString(value & mask());
  }

  /**
   * The number that names stand for, as {@link Meaning#parse} reads them; no name is 0.
   *
   * @param old the value now, for {@code +NAME} and {@code -NAME}
   * @throws IllegalArgumentException when a name is none of these, or the number does not fit
   */
  public long parse(String names, long old) {
    String text = names.trim();
    long value;
    if (text.isEmpty()) {
      if (meaning.bits().isEmpty()) {
        throw new IllegalArgumentException("no name in it");
      }
      value = 0;
    } else {
      value = meaning.parse(text, old & mask());
    }
    boolean fits =
        signed
            ? bits == Long.SIZE || value >= -1L << bits - 1 && value <= mask()
            : (value & ~mask()) == 0;
    if (!fits) {
      throw new IllegalArgumentException("'%s' does not fit %d bits".formatted(text, bits));
    }
    int unused = Long.SIZE - bits;
    return signed ? value << unused >> unused : value;
  }

  /**
   * What {@link Of#text} gives, without the names; any other text as it is.
   *
   * @throws IllegalArgumentException when the names are another number's
   */
  public String withoutNames(String text) {
    Matcher shown = SHOWN.matcher(text);
    if (!shown.matches() || !isNumber(shown.group(1))) {
      return text;
    }
    String digits = shown.group(1);
    long number =
        digits.startsWith("0x")
            ? Long.parseUnsignedLong(digits.substring(2), 16)
            : Long.parseLong(digits);
    if (((number ^ parse(shown.group(2), number)) & mask()) != 0) {
      throw new IllegalArgumentException(
          "'%s': the number and the names are not the same: write one of them".formatted(text));
    }
    return digits;
  }

  /**
   * What differs, for people: bits that came and went ({@code +INTX_DISABLE -IO SPEED=2}), or both
   * names of a value.
   */
  public String change(long before, long after) {
    if (meaning.bits().isEmpty()) {
      String from = names(before);
      String to = names(after);
      return from.isEmpty() && to.isEmpty() ? "" : "%s -> %s".formatted(or(from), or(to));
    }
    StringBuilder words = new StringBuilder();
    long left = (before ^ after) & mask();
    for (Meaning.Bits part : meaning.bits()) {
      if ((left & part.mask()) == 0) {
        continue;
      }
      String word =
          part.single()
              ? (part.of(after) == 1 ? "+" : "-") + part.name()
              : "%s=%s".formatted(part.name(), meaning.part(part, after));
      words.append(words.isEmpty() ? "" : " ").append(word);
      left &= ~part.mask();
    }
    return words.toString();
  }

  /**
   * A number that has names.
   *
   * @param kind its names
   * @param value the number
   * @param number as it is shown
   */
  public record Of(NamedNumber kind, long value, String number) {
    /** {@code 0x107 [IO MEMORY MASTER SERR]}; the number alone where it has none. */
    public String text() {
      String names = names();
      return names.isEmpty() || names.equals("0") ? number : "%s [%s]".formatted(number, names);
    }

    /** The names with spaces between, or empty. */
    public String names() {
      return kind.names(value);
    }
  }

  /**
   * A named number that differs in two snapshots.
   *
   * @param attribute {@code bits} or {@code means}
   * @param before the first number as it is shown beside its names
   * @param after the second
   * @param names {@code +INTX_DISABLE -IO}, or {@code ETHERNET -> OTHER}
   */
  public record Change(String attribute, String before, String after, String names) {}

  /** How two numbers differ; empty where that has no names. */
  public Optional<Change> difference(long before, long after) {
    String names = change(before, after);
    return names.isEmpty()
        ? Optional.empty()
        : Optional.of(new Change(attribute(), number(before), number(after), names));
  }

  private static String or(String names) {
    return names.isEmpty() ? "?" : names;
  }
}
