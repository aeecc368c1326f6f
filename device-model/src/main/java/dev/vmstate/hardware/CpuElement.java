package dev.vmstate.hardware;

import dev.vmstate.bytes.Span;
import dev.vmstate.cpu.Register;
import dev.vmstate.cpu.RegisterGroup;
import dev.vmstate.cpu.X86Cpu;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * One {@code <register>}, or one {@code <segment>} with up to four registers as attributes ({@code
 * cs.selector}, {@code cs.base}, {@code cs.limit}, {@code cs.flags}).
 *
 * @param name the register's or the segment's name
 * @param segment which of the two elements
 * @param registers one register, or a segment's parts in the order of {@link #PARTS}
 */
record CpuElement(String name, boolean segment, List<Register> registers) {
  private static final Pattern VECTOR = Pattern.compile("([xyz]mm)(\\d+)");

  /** Seen elsewhere, or as dull as they are many. */
  private static final Pattern DERIVED =
      Pattern.compile(
          "fpr\\d|mm\\d|cr8|a20_mask|smbase|hflags2?|xstate_bv|apic\\.arb|msr\\.IA32_(MTRR_.*|MC\\d+_CTL"
              + "|APIC_BASE|SMBASE)");

  /** The attributes of {@code <segment>}, in document order. */
  static final List<String> PARTS = List.of("selector", "base", "limit", "flags");

  /** The elements of one CPU, in the order of its registers. */
  static List<CpuElement> of(X86Cpu cpu) {
    Map<String, CpuElement> elements = new LinkedHashMap<>();
    for (Register register : cpu.registers()) {
      int dot = register.name().indexOf('.');
      boolean segment = dot > 0 && PARTS.contains(register.name().substring(dot + 1));
      String name = segment ? register.name().substring(0, dot) : register.name();
      elements
          .computeIfAbsent(
              segment ? name + "." : name, key -> new CpuElement(name, segment, new ArrayList<>()))
          .registers()
          .add(register);
    }
    for (CpuElement element : elements.values()) {
      if (element.segment()) {
        element
            .registers()
            .sort((a, b) -> Integer.compare(PARTS.indexOf(part(a)), PARTS.indexOf(part(b))));
      }
    }
    return List.copyOf(elements.values());
  }

  /**
   * The views of a CPU that are worth a line each, by the element they stand in: what is not 0 and
   * stands nowhere else in the document's front. An SSE register is shown as wide as it is in use.
   */
  static Map<String, List<Register>> groups(X86Cpu cpu) {
    Map<String, List<Register>> groups = new LinkedHashMap<>();
    Set<Span> shown = new HashSet<>();
    cpu.registers().forEach(register -> register.parts().forEach(p -> shown.add(p.span())));
    for (RegisterGroup group : RegisterGroup.values()) {
      List<Register> chosen =
          cpu.views(group).stream()
              .filter(Register::editable)
              .filter(register -> isOfInterest(cpu, register, shown))
              .toList();
      if (!chosen.isEmpty()) {
        groups.put(group.toString(), chosen);
      }
    }
    return groups;
  }

  private static boolean isOfInterest(X86Cpu cpu, Register register, Set<Span> shown) {
    String name = register.name();
    boolean rest =
        register.signed() ? register.text().equals("-1") : register.whole().signum() == 0;
    if (name.equals("halted")) {
      return true;
    }
    if (rest
        || DERIVED.matcher(name).matches()
        || register.parts().stream().allMatch(part -> shown.contains(part.span()))) {
      return false;
    }
    Matcher vector = VECTOR.matcher(name);
    if (!vector.matches()) {
      return true;
    }
    int used = register.whole().bitLength();
    int width = register.bits();
    boolean wider = width < 512 && widest(cpu, vector.group(2)).bitLength() > width;
    return !wider && (width == 128 || used > width / 2);
  }

  private static BigInteger widest(X86Cpu cpu, String index) {
    for (String width : List.of("zmm", "ymm", "xmm")) {
      Optional<Register> register = cpu.find(width + index);
      if (register.isPresent()) {
        return register.get().whole();
      }
    }
    return BigInteger.ZERO;
  }

  /** The part of a segment a register is, e.g. {@code base}. */
  static String part(Register register) {
    return register.name().substring(register.name().indexOf('.') + 1);
  }

  /** A register's value as the document shows it. */
  static String format(Register register) {
    return "0x" + register.whole().toString(16);
  }
}
