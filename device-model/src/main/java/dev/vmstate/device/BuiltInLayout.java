package dev.vmstate.device;

import dev.vmstate.bytes.ByteSource;
import dev.vmstate.bytes.Span;
import dev.vmstate.device.VmDescription.Entry;
import dev.vmstate.device.VmDescription.Struct;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * What is known of sections that a stream does not describe (machine option suppress-vmdesc,
 * machine types up to 2.2): the CPUs, and the front of those devices that tell where memory stands.
 * The rest of a section is one entry of bytes.
 */
public final class BuiltInLayout {
  private static final int CMOS = 128;
  private static final int TIMER = 24;

  /** u32 version, configuration space, u32 irq_state[4]: {@code hw/pci/pci.c}. */
  private static final int PCI_IRQ_STATE = 16;

  private BuiltInLayout() {}

  /** The layout of a section's payload, or empty when nothing is known. */
  public static Optional<Struct> of(ByteSource source, Span payload, String idstr, long version)
      throws IOException {
    if (idstr.equals("cpu")) {
      return X86CpuLayout.of(source, payload, version);
    }
    if (idstr.equals("apic")) {
      return X86CpuLayout.apic(source, payload, version);
    }
    if (idstr.equals("cpu_common")) {
      return X86CpuLayout.common(source, payload, version);
    }
    if (idstr.equals("timer") && version == 2 && payload.length() == TIMER) {
      // softmmu/cpus.c, vmstate_timers: what stood still while the machine was saved
      return Optional.of(
          front(
              idstr,
              version,
              payload,
              List.of(
                  new Entry("cpu_ticks_offset", "int64", 8, 1, false, null),
                  bytes("unused", 8),
                  new Entry("cpu_clock_offset", "int64", 8, 1, false, null))));
    }
    if (idstr.equals("mc146818rtc") && payload.length() >= CMOS) {
      return Optional.of(front(idstr, version, payload, List.of(bytes("cmos_data", CMOS))));
    }
    if (idstr.matches("[0-9a-f]{4}:[0-9a-f]{2}:[0-9a-f]{2}\\.[0-7]/.*")) {
      return PciConfig.atFront(source, payload)
          .map(
              config ->
                  front(
                      idstr,
                      version,
                      payload,
                      List.of(
                          new Entry("version_id", "int32 le", 4, 1, false, null),
                          new Entry("config", "pci config", config.length(), 1, false, null),
                          new Entry("irq_state", "pci irq state", PCI_IRQ_STATE, 1, false, null))));
    }
    return Optional.empty();
  }

  /** The layout of a subsection, where nobody else has one of that name. */
  public static Optional<Struct> subsection(String name, long version) {
    return X86CpuLayout.subsection(name, version);
  }

  /** Entries at the front of a payload, and the rest as bytes. */
  private static Struct front(String name, long version, Span payload, List<Entry> entries) {
    List<Entry> all = new ArrayList<>(entries);
    long rest = payload.length() - entries.stream().mapToLong(Entry::wireSize).sum();
    if (rest > 0) {
      all.add(bytes("data", rest));
    }
    return new Struct(name, version, all, List.of(), false);
  }

  static Entry bytes(String name, long size) {
    return new Entry(name, "buffer", size, 1, false, null);
  }
}
