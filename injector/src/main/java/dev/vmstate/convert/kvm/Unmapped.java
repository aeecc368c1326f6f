package dev.vmstate.convert.kvm;

import dev.vmstate.bytes.Span;
import dev.vmstate.cpu.Register;
import dev.vmstate.cpu.X86Cpu;
import dev.vmstate.device.DeviceSection;
import dev.vmstate.device.Field;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;

/** Subsections of CPUs that hold nothing any table knows: a guest's own guests, Hyper-V's state. */
final class Unmapped {
  /** Read by the table by their fields, or of no use on another host. */
  private static final Set<String> KNOWN =
      Set.of("cpu/tsc_khz", "cpu/exception_info", "cpu/pdptrs", "cpu/efer32");

  private Unmapped() {}

  static List<String> of(List<DeviceSection> sections, List<X86Cpu> cpus) throws IOException {
    List<Span> read =
        cpus.stream()
            .flatMap(cpu -> Stream.concat(cpu.registers().stream(), cpu.views().stream()))
            .map(Register::parts)
            .flatMap(List::stream)
            .map(part -> part.span())
            .toList();
    List<String> unmapped = new ArrayList<>();
    for (DeviceSection section : sections) {
      if (section.name().equals("cpu")) {
        for (Field field : section.root().children()) {
          if (field instanceof Field.Group group
              && group.kind() == Field.GroupKind.SUBSECTION
              && !KNOWN.contains(group.name())
              && read.stream().noneMatch(span -> within(span, group.span()))) {
            unmapped.add(section.label() + "/" + group.label());
          }
        }
      }
    }
    return unmapped;
  }

  private static boolean within(Span span, Span whole) {
    return span.offset() >= whole.offset() && span.end() <= whole.end();
  }
}
