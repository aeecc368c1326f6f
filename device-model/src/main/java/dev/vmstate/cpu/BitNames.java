package dev.vmstate.cpu;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Names of a register's bits, from the table {@code x86-bits.txt}. */
public final class BitNames {
  private static final Map<String, List<Bits>> BY_REGISTER = read();

  /**
   * A named bit, or a number of a few.
   *
   * @param low its lowest bit
   * @param count how many bits
   */
  public record Bits(String name, int low, int count) {
    /** Its value in a register's. */
    public long of(long register) {
      return register >>> low & (1L << count) - 1;
    }
  }

  private BitNames() {}

  private static Map<String, List<Bits>> read() {
    Map<String, List<Bits>> tables = new HashMap<>();
    for (String line : lines("x86-bits.txt")) {
      String[] words = line.split(" ");
      List<Bits> bits = new ArrayList<>();
      for (int i = 1; i < words.length; i++) {
        int equals = words[i].indexOf('=');
        String[] range = words[i].substring(equals + 1).split("-");
        int low = Integer.parseInt(range[0]);
        int high = Integer.parseInt(range[range.length - 1]);
        bits.add(new Bits(words[i].substring(0, equals), low, high - low + 1));
      }
      tables.put(words[0], List.copyOf(bits));
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

  /** The named bits of a register, lowest first; of a segment those of its flags. */
  public static List<Bits> of(String register) {
    String name = register.endsWith(".flags") ? "flags" : register;
    return BY_REGISTER.getOrDefault(name, List.of());
  }

  /** What is set in a register: single bits by name, numbers as {@code NAME=N} unless 0. */
  public static List<String> set(String register, long value) {
    List<String> names = new ArrayList<>();
    for (Bits bits : of(register)) {
      long number = bits.of(value);
      if (number != 0) {
        names.add(bits.count() == 1 ? bits.name() : bits.name() + "=" + number);
      }
    }
    return names;
  }
}
