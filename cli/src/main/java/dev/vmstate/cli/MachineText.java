package dev.vmstate.cli;

import dev.vmstate.cpu.BitNames;
import dev.vmstate.machine.MachineInfo;
import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;

/** A machine for people: its registers in the shape of {@code vmstate cpus}. */
final class MachineText {
  private MachineText() {}

  /** {@code CPU 0 at rip 0x100c (real16)}, of each vCPU. */
  static String where(MachineInfo info) {
    return info.vcpus().stream()
        .map(
            vcpu ->
                vcpu.registers().isEmpty()
                    ? "CPU %d runs".formatted(vcpu.index())
                    : "CPU %d at rip 0x%x (%s%s)"
                        .formatted(
                            vcpu.index(),
                            vcpu.registers().getOrDefault("rip", 0L),
                            vcpu.mode(),
                            vcpu.halted() ? ", halted" : ""))
        .collect(Collectors.joining(", "));
  }

  static void registers(MachineInfo info, PrintWriter out) {
    info.vcpus().stream()
        .filter(vcpu -> !vcpu.registers().isEmpty())
        .forEach(vcpu -> registers(vcpu, out));
  }

  private static void registers(MachineInfo.Vcpu vcpu, PrintWriter out) {
    out.printf("CPU %d (%s)%s%n", vcpu.index(), vcpu.mode(), vcpu.halted() ? " halted" : "");
    List<String> line = new ArrayList<>();
    List<String> bits = new ArrayList<>();
    vcpu.registers()
        .forEach(
            (name, value) -> {
              if (line.size() == 4
                  || name.equals("rip")
                  || name.equals("cr0")
                  || name.equals("efer")) {
                flush(line, out);
              }
              line.add(
                  "%-3s=%016x"
                      .formatted(
                          name.equals("rflags") ? "RFL" : name.toUpperCase(Locale.ROOT), value));
              String names = String.join(" ", BitNames.set(name, value));
              if (!names.isEmpty()) {
                bits.add("  %s [%s]".formatted(name.toUpperCase(Locale.ROOT), names));
              }
            });
    flush(line, out);
    bits.forEach(out::println);
  }

  private static void flush(List<String> line, PrintWriter out) {
    if (!line.isEmpty()) {
      out.println(String.join(" ", line));
      line.clear();
    }
  }
}
