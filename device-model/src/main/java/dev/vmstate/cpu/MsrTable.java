package dev.vmstate.cpu;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Which field of QEMU's holds which model specific register, from {@code x86-msrs.txt}. */
public final class MsrTable {
  private static final Pattern RANGE = Pattern.compile("0x([0-9a-f]+)\\+(\\d+)\\*(\\d+)");
  private static final Pattern INDEX = Pattern.compile("#(\\d+)\\+(\\d+)");

  private static final Pattern UNNAMED = Pattern.compile("msr\\[0x([0-9a-f]{1,8})]");

  /** In the order of their numbers, as the table has them. */
  static final List<Msr> ALL = read();

  private static final Map<String, Msr> BY_NAME = new HashMap<>();
  private static final Map<Long, Msr> BY_NUMBER = new HashMap<>();

  static {
    for (Msr msr : ALL) {
      BY_NAME.put(msr.name(), msr);
      BY_NUMBER.put(msr.number(), msr);
    }
  }

  /**
   * One register.
   *
   * @param number what RDMSR takes in ECX
   * @param field the field of section {@code cpu}, or behind {@code apic/} that of the APIC
   */
  record Msr(long number, String name, String field) {}

  private MsrTable() {}

  private static List<Msr> read() {
    List<Msr> all = new ArrayList<>();
    for (String line : BitNames.lines("x86-msrs.txt")) {
      String[] words = line.split(" +");
      Matcher range = RANGE.matcher(words[0]);
      if (!range.matches()) {
        all.add(new Msr(Long.decode(words[0]), words[1], words[2]));
        continue;
      }
      long first = Long.parseLong(range.group(1), 16);
      for (int i = 0; i < Integer.parseInt(range.group(3)); i++) {
        int index = i;
        String field =
            INDEX
                .matcher(words[2])
                .replaceAll(
                    m ->
                        Integer.toString(
                            index * Integer.parseInt(m.group(1)) + Integer.parseInt(m.group(2))));
        all.add(
            new Msr(
                first + (long) i * Integer.parseInt(range.group(2)),
                words[1].replace("#", Integer.toString(i)),
                field.replace("#", Integer.toString(i))));
      }
    }
    return List.copyOf(all);
  }

  /** What a register without a name is called. */
  static String unnamed(long number) {
    return "msr[0x%x]".formatted(number);
  }

  /** The name of an MSR. */
  static Optional<String> name(long number) {
    return Optional.ofNullable(BY_NUMBER.get(number)).map(Msr::name);
  }

  /**
   * The number of an MSR.
   *
   * @param name as registers are named, e.g. {@code msr.IA32_LSTAR}, or, of one without a name,
   *     {@code msr[0x10a]}
   */
  public static long number(String name) {
    Matcher unnamed = UNNAMED.matcher(name);
    if (unnamed.matches()) {
      return Long.parseLong(unnamed.group(1), 16);
    }
    Msr msr = BY_NAME.get(name.substring(name.indexOf('.') + 1));
    if (msr == null) {
      throw new IllegalArgumentException("no MSR " + name);
    }
    return msr.number();
  }
}
