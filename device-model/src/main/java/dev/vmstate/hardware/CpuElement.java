package dev.vmstate.hardware;

import dev.vmstate.cpu.Register;
import dev.vmstate.cpu.X86Cpu;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * One {@code <register>}, or one {@code <segment>} with up to four registers as attributes ({@code
 * cs.selector}, {@code cs.base}, {@code cs.limit}, {@code cs.flags}).
 *
 * @param name the register's or the segment's name
 * @param segment which of the two elements
 * @param registers one register, or a segment's parts in the order of {@link #PARTS}
 */
record CpuElement(String name, boolean segment, List<Register> registers) {
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

  /** The part of a segment a register is, e.g. {@code base}. */
  static String part(Register register) {
    return register.name().substring(register.name().indexOf('.') + 1);
  }

  /** A register's value as the document shows it. */
  static String format(Register register) {
    return "0x" + Long.toHexString(register.value());
  }
}
