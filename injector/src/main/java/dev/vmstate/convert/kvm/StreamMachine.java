package dev.vmstate.convert.kvm;

import dev.vmstate.bytes.FormatException;
import dev.vmstate.cpu.X86Cpu;
import dev.vmstate.cpu.X86Sections;
import dev.vmstate.device.DeviceSection;
import dev.vmstate.device.EditSet;
import dev.vmstate.kvmstate.KvmStructs;
import dev.vmstate.kvmstate.MachineStructs;
import dev.vmstate.kvmstate.StateStruct;
import dev.vmstate.kvmstate.StateValue;
import dev.vmstate.linked.CpuLinks;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** A stream's machine as far as KVM and the runner have it. */
final class StreamMachine {
  static final String CLOCK = "clock";
  static final String SERIAL = "serial";

  /** Which kernel's device is which section: {name, its section, instance}. */
  private static final Object[][] SECTIONS = {
    {CLOCK, "kvmclock", 0},
    {"pic-master", "i8259", 0},
    {"pic-slave", "i8259", 1},
    {"ioapic", "ioapic", 0},
    {"pit", "i8254", 0},
    {SERIAL, "serial", 0}
  };

  /** A device that both have. */
  private record Device(StateStruct shape, StreamNumbers numbers, List<Row> rows) {}

  private final List<DeviceSection> sections;
  private final List<X86Cpu> x86;
  private final List<StreamCpu> cpus = new ArrayList<>();
  private final Map<String, Device> devices = new LinkedHashMap<>();
  private final Optional<StreamNumbers> timer;
  private final boolean kvm;

  private StreamMachine(List<DeviceSection> sections) throws IOException {
    this.sections = sections;
    this.x86 = X86Sections.cpus(sections);
    this.kvm = sections.stream().anyMatch(section -> section.name().equals("kvmclock"));
    this.timer = find(sections, "timer", 0).map(StreamNumbers::of);
    long clock = timer.isPresent() ? timer.get().find("cpu_clock_offset").orElse(-1) : -1;
    List<DeviceSection> apics =
        sections.stream()
            .filter(section -> section.name().equals("apic"))
            .sorted(Comparator.comparingLong(DeviceSection::instance))
            .toList();
    for (int i = 0; i < x86.size(); i++) {
      Optional<DeviceSection> apic =
          apics.size() == x86.size() ? Optional.of(apics.get(i)) : Optional.empty();
      cpus.add(new StreamCpu(x86.get(i), apic, kvm, clock));
    }
    for (Object[] known : SECTIONS) {
      String name = (String) known[0];
      Optional<DeviceSection> section = find(sections, (String) known[1], (int) known[2]);
      if (section.isPresent() && section.get().decoded() != DeviceSection.Decoded.OPAQUE) {
        devices.put(
            name, new Device(shape(name), StreamNumbers.of(section.get()), rows(name, clock)));
      }
    }
  }

  /**
   * Of a stream's sections.
   *
   * @param place the stream's name, for errors
   * @throws FormatException when no x86 CPU is among them
   */
  static StreamMachine of(String place, List<DeviceSection> sections) throws IOException {
    StreamMachine machine = new StreamMachine(sections);
    if (machine.x86.isEmpty()) {
      throw new FormatException(place, 0, "no x86 CPU whose registers are known is in it");
    }
    return machine;
  }

  private static Optional<DeviceSection> find(
      List<DeviceSection> sections, String name, int instance) {
    return sections.stream()
        .filter(section -> section.name().equals(name) && section.instance() == instance)
        .findFirst();
  }

  private static StateStruct shape(String name) {
    return switch (name) {
      case CLOCK -> KvmStructs.CLOCK;
      case "ioapic" -> KvmStructs.IOAPIC;
      case "pit" -> KvmStructs.PIT;
      case SERIAL -> MachineStructs.SERIAL;
      default -> KvmStructs.PIC;
    };
  }

  private static List<Row> rows(String name, long clock) {
    return switch (name) {
      case CLOCK -> DeviceRows.clock();
      case "pic-master" -> DeviceRows.pic(true);
      case "pic-slave" -> DeviceRows.pic(false);
      case "ioapic" -> DeviceRows.ioapic();
      case "pit" -> DeviceRows.pit(clock);
      default -> SerialRows.ROWS;
    };
  }

  /** Whether a section's state goes over, all or most of it. */
  boolean takes(DeviceSection section) {
    if (List.of("cpu", "cpu_common", "apic").contains(section.name())) {
      return true;
    }
    return devices.values().stream().anyMatch(d -> d.numbers().label().equals(section.label()));
  }

  /** Whether there is a serial port. */
  boolean hasSerial() {
    return devices.containsKey(SERIAL);
  }

  int cpuCount() {
    return cpus.size();
  }

  /** Whether KVM ran it, and not TCG. */
  boolean isKvm() {
    return kvm;
  }

  /** What KVM is to be given. */
  MachineValues toKvm() throws IOException {
    List<CpuValues> values = new ArrayList<>();
    Optional<Long> tsc = kvm || timer.isEmpty() ? Optional.empty() : ticks(timer.get());
    for (StreamCpu cpu : cpus) {
      values.add(cpu.toKvm(tsc));
    }
    Map<String, StateValue> states = new LinkedHashMap<>(Absent.devices());
    for (Map.Entry<String, Device> device : devices.entrySet()) {
      StateValue value = device.getValue().shape().zero();
      for (Row row : device.getValue().rows()) {
        row.toKvm(device.getValue().numbers(), value);
      }
      states.put(device.getKey(), value);
    }
    return new MachineValues(values, states);
  }

  /** What {@link #toKvm} makes otherwise than the stream has it. */
  List<String> mended() throws IOException {
    List<String> mended = new ArrayList<>();
    for (StreamCpu cpu : cpus) {
      mended.addAll(cpu.mended());
    }
    Device master = devices.get("pic-master");
    if (master != null && (master.numbers().get("last_irr") & 1) != 0) {
      mended.add("i8259/last_irr: the PIT's line is low, so that the next tick is an edge");
    }
    return mended;
  }

  private static Optional<Long> ticks(StreamNumbers timer) throws IOException {
    return timer.has("cpu_ticks_offset")
        ? Optional.of(timer.get("cpu_ticks_offset"))
        : Optional.empty();
  }

  /**
   * The edits that make the stream hold {@code wanted}; what it has no place for is added to {@code
   * missing}.
   *
   * @param wanted with as many vCPUs as the stream
   */
  EditSet toStream(MachineValues wanted, String origin, List<String> missing) throws IOException {
    MachineValues now = kvm ? wanted : Acknowledged.undone(wanted);
    MachineValues was = toKvm();
    EditSet edits = new EditSet();
    for (int i = 0; i < cpus.size(); i++) {
      cpus.get(i).toStream(was.cpus().get(i), now.cpus().get(i));
    }
    if (!kvm) {
      interrupts(was, now);
    }
    for (Map.Entry<String, StateValue> state : now.devices().entrySet()) {
      Device device = devices.get(state.getKey());
      if (device == null) {
        if (!unused(state.getKey(), state.getValue(), now)) {
          missing.add(state.getKey() + ": no such device");
        }
        continue;
      }
      StateValue before = was.devices().getOrDefault(state.getKey(), device.shape().zero());
      for (Row row : device.rows()) {
        row.toStream(before, state.getValue(), device.numbers());
      }
      edits.addAll(device.numbers().edits(origin));
      missing.addAll(device.numbers().missing());
    }
    time(was, now);
    if (timer.isPresent()) {
      edits.addAll(timer.get().edits(origin));
    }
    for (StreamCpu cpu : cpus) {
      edits.addAll(cpu.numbers().edits(origin));
    }
    for (StreamCpu cpu : cpus) {
      if (!edits.isEmpty()) {
        cpu.mend();
        edits.addAll(cpu.numbers().edits(origin));
      }
      missing.addAll(cpu.numbers().missing());
    }
    CpuLinks.follow(x86, sections, edits);
    return edits;
  }

  /** Whether nobody misses a device that the stream does not have. */
  private static boolean unused(String name, StateValue state, MachineValues machine) {
    if (name.equals(CLOCK)) {
      return machine.cpus().stream()
          .noneMatch(cpu -> (cpu.msrs().getOrDefault(MsrRows.SYSTEM_TIME, 0L) & 1) != 0);
    }
    StateValue absent = Absent.devices().get(name);
    return absent != null && state.equals(absent);
  }

  /** TCG looks at what it noted when a line rose, and at the lines only when they rise again. */
  private void interrupts(MachineValues was, MachineValues now) throws IOException {
    for (int i = 0; i < cpus.size(); i++) {
      boolean pending = PendingInterrupt.at(now, i);
      if (pending != PendingInterrupt.at(was, i)) {
        cpus.get(i).numbers().put("interrupt_request", 1, 1, pending ? 1 : 0);
      }
    }
  }

  /** The TSC: of each CPU in KVM's streams, QEMU's own in TCG's. */
  private void time(MachineValues was, MachineValues now) throws IOException {
    for (int i = 0; i < cpus.size(); i++) {
      Long before = was.cpus().get(i).msrs().get(MsrRows.TSC);
      Long after = now.cpus().get(i).msrs().get(MsrRows.TSC);
      if (after == null || after.equals(before)) {
        continue;
      }
      if (kvm) {
        cpus.get(i).numbers().put("msr[0x10]", after);
      } else if (i == 0 && timer.isPresent()) {
        timer.get().put("cpu_ticks_offset", after);
      }
    }
  }
}
