package dev.vmstate.device;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * What a number means to people: names of its bits, names of its values, a line of help. It changes
 * no byte; it is shown beside the number, and a person may write either.
 *
 * <p>As text: {@code IO|MEMORY|SPEED=2}: names of single bits, {@code name=number} of wider parts,
 * and bits without a name as one hexadecimal number, {@code 0} when none is set.
 *
 * @param name what this place is called where the field's own name does not say it, e.g. {@code
 *     RAL0} of {@code mac_reg[0x1500]}; or empty
 * @param bits named bits, in the order they are shown
 * @param values names of whole values; {@code PART.NAME} names a value of a part of the bits
 * @param help one line, or empty
 */
public record Meaning(String name, List<Bits> bits, Map<String, Long> values, String help) {
  /** Says nothing. */
  public static final Meaning NONE = new Meaning("", List.of(), Map.of(), "");

  /**
   * Bits with a name: {@code mask} is one run of ones.
   *
   * @param inPlace the part is read where it stands, as an address without its low bits is
   */
  public record Bits(String name, long mask, boolean inPlace) {
    /** Bits that are a number of their own. */
    public Bits(String name, long mask) {
      this(name, mask, false);
    }

    /** Whether the name stands for one bit. */
    public boolean single() {
      return Long.bitCount(mask) == 1;
    }

    /** The part of {@code value} as a number of its own. */
    public long of(long value) {
      return (value & mask) >>> shift();
    }

    private int shift() {
      return inPlace ? 0 : Long.numberOfTrailingZeros(mask);
    }

    long into(long old, long part) {
      long shifted = part << shift();
      if ((shifted & ~mask) != 0 || part < 0 && !inPlace || of(shifted) != part) {
        throw new IllegalArgumentException("%s=%d does not fit its bits".formatted(name, part));
      }
      return old & ~mask | shifted;
    }
  }

  public Meaning {
    bits = List.copyOf(bits);
    values = java.util.Collections.unmodifiableMap(new LinkedHashMap<>(values));
  }

  /** Whether there are names for what the number holds. */
  public boolean named() {
    return !bits.isEmpty() || !values.isEmpty();
  }

  /** The value in names, or empty where there are none for it. */
  public String format(long value) {
    for (Map.Entry<String, Long> named : values.entrySet()) {
      if (named.getValue() == value && !isPart(named.getKey())) {
        return named.getKey();
      }
    }
    if (bits.isEmpty()) {
      return "";
    }
    List<String> words = new ArrayList<>();
    long left = value;
    for (Bits part : bits) {
      if ((left & part.mask()) == 0) {
        continue;
      }
      words.add(part.single() ? part.name() : part.name() + "=" + part(part, value));
      left &= ~part.mask();
    }
    if (left != 0) {
      words.add("0x" + Long.toHexString(left));
    }
    return words.isEmpty() ? "0" : String.join("|", words);
  }

  /**
   * The number that text stands for: names and numbers joined by {@code |}, spaces or commas. Where
   * every word starts with {@code +} or {@code -}, those bits of {@code old} are set or cleared and
   * all others stay.
   *
   * @throws IllegalArgumentException when a name is none of these; the message lists them
   */
  public long parse(String text, long old) {
    String[] words = text.trim().split("[|,\\s]+");
    if (words.length == 1 && values.containsKey(words[0])) {
      return values.get(words[0]);
    }
    boolean changes = words[0].length() > 1 && "+-".indexOf(words[0].charAt(0)) >= 0;
    long value = changes ? old : 0;
    for (String word : words) {
      boolean sign = word.length() > 1 && "+-".indexOf(word.charAt(0)) >= 0;
      if (sign != changes) {
        throw new IllegalArgumentException(
            "'%s': either every word has a + or - before it, or none".formatted(text));
      }
      value = apply(value, sign ? word.substring(1) : word, !sign || word.charAt(0) == '+');
    }
    return value;
  }

  private long apply(long value, String word, boolean set) {
    int equals = word.indexOf('=');
    String wanted = equals < 0 ? word : word.substring(0, equals);
    for (Bits part : bits) {
      if (part.name().equals(wanted)) {
        if (equals >= 0 && set) {
          return part.into(value, partNumber(part, word.substring(equals + 1)));
        }
        if (equals < 0 && set && !part.single()) {
          throw new IllegalArgumentException(
              "'%s' is more than one bit: write %s=NUMBER".formatted(word, wanted));
        }
        return set ? value | part.mask() : value & ~part.mask();
      }
    }
    Long mask = number(word);
    if (mask == null) {
      throw new IllegalArgumentException("'%s' is none of %s".formatted(word, names()));
    }
    return set ? value | mask : value & ~mask;
  }

  /** The value of some bits: by its name where it has one, else as a number. */
  public String part(Bits part, long value) {
    long number = part.of(value);
    for (Map.Entry<String, Long> named : values.entrySet()) {
      if (named.getKey().startsWith(part.name() + ".") && named.getValue() == number) {
        return named.getKey().substring(part.name().length() + 1);
      }
    }
    return part.inPlace() ? "0x" + Long.toHexString(number) : Long.toUnsignedString(number);
  }

  private long partNumber(Bits part, String word) {
    Long named = values.get(part.name() + "." + word);
    Long number = named != null ? named : number(word);
    if (number == null) {
      throw new IllegalArgumentException("'%s' is no value of %s".formatted(word, part.name()));
    }
    return number;
  }

  private boolean isPart(String value) {
    int dot = value.indexOf('.');
    return dot > 0 && bits.stream().anyMatch(b -> b.name().equals(value.substring(0, dot)));
  }

  private List<String> names() {
    List<String> names = new ArrayList<>();
    bits.forEach(part -> names.add(part.name()));
    names.addAll(values.keySet());
    return names;
  }

  private static @org.jspecify.annotations.Nullable Long number(String word) {
    try {
      return word.startsWith("0x") || word.startsWith("0X")
          ? Long.parseUnsignedLong(word.substring(2), 16)
          : Long.valueOf(Long.parseLong(word));
    } catch (NumberFormatException e) {
      return null;
    }
  }
}
