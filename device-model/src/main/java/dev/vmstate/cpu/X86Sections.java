package dev.vmstate.cpu;

import dev.vmstate.device.DeviceSection;
import dev.vmstate.device.Field;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;

/**
 * The sections that make one x86 CPU: {@code cpu} itself, {@code cpu_common} of the same instance
 * (whether it is halted), and its {@code apic}.
 *
 * <p>An APIC's instance is its APIC id, which is not the CPU's index where cores are no power of
 * two; but ids grow as indexes do, so the n-th of one goes with the n-th of the other.
 */
public final class X86Sections {
  private X86Sections() {}

  /** The x86 CPUs among a snapshot's devices, in the order of their index. */
  public static List<X86Cpu> cpus(List<DeviceSection> devices) throws IOException {
    List<DeviceSection> cpus = named(devices, "cpu");
    List<DeviceSection> apics = named(devices, "apic");
    boolean kvm = devices.stream().anyMatch(device -> device.name().equals("kvmclock"));
    long stopped = stoppedClock(devices);
    List<X86Cpu> found = new ArrayList<>();
    for (int i = 0; i < cpus.size(); i++) {
      DeviceSection cpu = cpus.get(i);
      Optional<DeviceSection> common =
          devices.stream()
              .filter(d -> d.name().equals("cpu_common") && d.instance() == cpu.instance())
              .findFirst();
      Optional<DeviceSection> apic =
          apics.size() == cpus.size() ? Optional.of(apics.get(i)) : Optional.empty();
      X86Registers.of(cpu, common, apic, kvm, stopped).ifPresent(found::add);
    }
    return found;
  }

  private static List<DeviceSection> named(List<DeviceSection> devices, String name) {
    return devices.stream()
        .filter(device -> device.name().equals(name))
        .sorted(Comparator.comparingLong(DeviceSection::instance))
        .toList();
  }

  /** QEMU_CLOCK_VIRTUAL while the machine stands, in ns; -1 when the stream does not say. */
  private static long stoppedClock(List<DeviceSection> devices) {
    return devices.stream()
        .filter(device -> device.name().equals("timer"))
        .flatMap(device -> device.root().children().stream())
        .filter(field -> field.name().equals("cpu_clock_offset"))
        .filter(Field.Scalar.class::isInstance)
        .mapToLong(field -> ((Field.Scalar) field).value())
        .findFirst()
        .orElse(-1);
  }
}
