package dev.vmstate.cpu;

import dev.vmstate.device.Meaning;
import dev.vmstate.device.NamedNumber;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Pattern;

/** Names of a register's bits and values, from the table {@code x86-bits.txt}. */
public final class BitNames {
  private static final Map<String, Meaning> BY_REGISTER = read();

  private static final Pattern NAME = Pattern.compile("[A-Za-z].*");

  private BitNames() {}

  private static Map<String, Meaning> read() {
    Map<String, Meaning> tables = new HashMap<>();
    for (String line : lines("x86-bits.txt")) {
      String[] words = line.split(" ");
      List<Meaning.Bits> bits = new ArrayList<>();
      Map<String, Long> values = new LinkedHashMap<>();
      for (int i = 1; i < words.length; i++) {
        int equals = words[i].indexOf('=');
        String name = words[i].substring(0, equals);
        if (words[i].charAt(equals + 1) == '=') {
          values.put(name, Long.decode(words[i].substring(equals + 2)));
          continue;
        }
        String[] range = words[i].substring(equals + 1).split("-");
        int low = Integer.parseInt(range[0]);
        int high = Integer.parseInt(range[range.length - 1]);
        bits.add(new Meaning.Bits(name, (1L << high - low + 1) - 1 << low));
      }
      tables.put(words[0], new Meaning("", bits, values, ""));
    }
    return tables;
  }

  /** The lines of a table that is kept beside this class, without comments and empty ones. */
  static List<String> lines(String resource) {
    try (InputStream in = BitNames.class.getResourceAsStream(resource)) {
      if (in == null) {
        throw new IllegalStateException("no resource " + resource);
      }
      return new BufferedReader(new InputStreamReader(in, StandardCharsets.UTF_8))
          .lines()
          .filter(line -> !line.isBlank() && !line.startsWith("#"))
          .toList();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** The names of a register, of a segment those of its flags; there may be none. */
  public static Meaning of(String register) {
    String name = register.endsWith(".flags") ? "flags" : register;
    return BY_REGISTER.getOrDefault(name, Meaning.NONE);
  }

  /** The names of a register as those of a field's number are told; empty when it has none. */
  public static Optional<NamedNumber> named(Register register) {
    Meaning names = of(register.name());
    return names.named() && register.bits() <= Long.SIZE
        ? Optional.of(new NamedNumber(register.bits(), false, names))
        : Optional.empty();
  }

  /**
   * What is set in a register: single bits by name, numbers as {@code NAME=N} unless 0; without the
   * bits that have no name, such as bit 1 of RFLAGS, which is always set.
   */
  public static List<String> set(String register, long value) {
    Meaning names = of(register);
    String text = names.format(value);
    return Arrays.stream(text.split("\\|")).filter(NAME.asMatchPredicate()).toList();
  }
}
