package dev.vmstate.diff;

import dev.vmstate.cpu.BitNames;
import dev.vmstate.cpu.Register;
import dev.vmstate.cpu.X86Cpu;
import dev.vmstate.device.NamedNumber;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * A CPU register that differs.
 *
 * @param path as {@code get} and {@code set} take it, e.g. {@code cpu[0]/rip}
 * @param before its value in the first snapshot
 * @param after its value in the second
 * @param names which bits came and went, where they have names
 */
public record RegisterChange(
    String path, long before, long after, Optional<NamedNumber.Change> names) {
  /** The registers that differ of the CPUs both have, CPU by CPU. */
  public static List<RegisterChange> between(List<X86Cpu> a, List<X86Cpu> b) {
    Map<Integer, X86Cpu> others = new HashMap<>();
    b.forEach(cpu -> others.put(cpu.index(), cpu));
    List<RegisterChange> changes = new ArrayList<>();
    for (X86Cpu cpu : a) {
      X86Cpu other = others.get(cpu.index());
      if (other == null) {
        continue;
      }
      for (Register register : cpu.registers()) {
        other
            .find(register.name())
            .filter(now -> now.value() != register.value())
            .ifPresent(
                now ->
                    changes.add(
                        new RegisterChange(
                            "cpu[%d]/%s".formatted(cpu.index(), register.name()),
                            register.value(),
                            now.value(),
                            BitNames.named(register)
                                .flatMap(kind -> kind.difference(register.value(), now.value())))));
      }
    }
    return changes;
  }

  @Override
  public String toString() {
    return "%s: 0x%x -> %s".formatted(path, before, shownAfter());
  }

  /** The second value, and what changed in it. */
  public String shownAfter() {
    return "0x%x".formatted(after) + names.map(change -> " [" + change.names() + "]").orElse("");
  }
}
