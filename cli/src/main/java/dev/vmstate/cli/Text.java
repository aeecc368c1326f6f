package dev.vmstate.cli;

import dev.vmstate.container.Container;
import dev.vmstate.cpu.RegisterGroup;
import dev.vmstate.cpu.X86Cpu;
import dev.vmstate.device.DeviceSection;
import dev.vmstate.memory.MainMemory;
import dev.vmstate.memory.MemoryMap;
import dev.vmstate.memory.RamBlock;
import dev.vmstate.nic.Nic;
import dev.vmstate.nic.Nics;
import dev.vmstate.ram.RamIndex;
import dev.vmstate.snapshot.Snapshot;
import dev.vmstate.snapshot.StreamSnapshot;
import java.io.IOException;
import java.io.PrintWriter;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/** What a snapshot says of itself, for people. */
final class Text {
  private static final String NO_MACHINE = "not in the stream: machine types up to 2.3 do not say";

  private final Snapshot snapshot;
  private final PrintWriter out;

  Text(Snapshot snapshot, PrintWriter out) {
    this.snapshot = snapshot;
    this.out = out;
  }

  /** {@code index}: with page counts, or null without. */
  void info(@Nullable RamIndex index) throws IOException {
    out.println(snapshot.source());
    Optional<StreamSnapshot> stream = Facts.stream(snapshot);
    out.printf(
        "  container  %s%s, %s%n",
        snapshot.container(),
        stream.map(s -> ", version " + s.header().version()).orElse(""),
        Sizes.text(snapshot.fileSize()));
    for (Container.Fact fact : snapshot.facts()) {
      out.printf("             %s: %s%n", fact.name(), fact.value());
    }
    out.printf("  machine    %s (%s)%n", machine(), snapshot.arch());
    if (stream.isPresent()) {
      out.printf("  features   %s%n", String.join(", ", Facts.features(stream.get())));
    }
    if (snapshot.noDevices().isEmpty()) {
      undescribed("             ");
    }
    out.printf("  RAM        %s; blocks:%n", Sizes.text(MainMemory.bytes(snapshot.blocks())));
    for (int i = 0; i < snapshot.blocks().size(); i++) {
      block(i, index);
    }
    out.println("  memory map");
    memoryMap("    ");
    for (String note : Facts.missingMemory(snapshot)) {
      out.println("    # " + note);
    }
    out.println("  CPUs");
    for (X86Cpu cpu : snapshot.cpus()) {
      String cr3 = cpu.find("cr3").map(r -> "0x%x".formatted(r.value())).orElse("unknown");
      out.printf(
          "    %-3d %-12s rip 0x%016x  cr3 %s%n", cpu.index(), cpu.mode(), cpu.get("rip"), cr3);
    }
    out.println("  NICs");
    for (Nic nic : Nics.of(snapshot.devices())) {
      nic("    ", nic);
    }
    if (snapshot.noDevices().isPresent()) {
      out.println("  devices    none: " + snapshot.noDevices().get());
      return;
    }
    long opaque =
        snapshot.devices().stream()
            .filter(d -> d.decoded() == DeviceSection.Decoded.OPAQUE)
            .count();
    out.printf(
        "  devices    %d%s; 'vmstate devices' lists them%n",
        snapshot.devices().size(), opaque == 0 ? "" : ", %d opaque".formatted(opaque));
  }

  private String machine() {
    if (!snapshot.machine().isEmpty()) {
      return snapshot.machine();
    }
    return snapshot.noDevices().isPresent() ? "a dump does not say" : NO_MACHINE;
  }

  /** A stream whose devices stay opaque. */
  private boolean undescribed() throws IOException {
    Optional<StreamSnapshot> stream = Facts.stream(snapshot);
    return stream.isPresent() && stream.get().layout().vmdesc().isEmpty();
  }

  private void block(int i, @Nullable RamIndex index) {
    RamBlock block = snapshot.blocks().get(i);
    out.printf("    %-36s %10s", block.name(), Sizes.text(block.bytes()));
    if (index != null) {
      RamIndex.Counts counts = index.counts(i);
      out.printf(
          "  pages: %d data, %d zero, %d absent, %d rewritten",
          counts.data(), counts.zero(), counts.absent(), counts.rewritten());
    }
    out.println();
  }

  void memoryMap(String indent) throws IOException {
    for (MemoryMap.Range range : snapshot.memoryMap().ranges()) {
      out.printf(
          "%s0x%010x-0x%010x  %s + 0x%x%n",
          indent,
          range.start(),
          range.end() - 1,
          snapshot.blocks().get(range.block()).name(),
          range.offset());
    }
  }

  void reasons() throws IOException {
    snapshot.memoryMap().reasons().forEach(reason -> out.println("# " + reason));
  }

  private void nic(String indent, Nic nic) {
    out.printf(
        "%s%-30s %-12s %s%n",
        indent, nic.id(), nic.model(), nic.mac().map(Object::toString).orElse("-"));
  }

  /** Without a description there may be CPUs and cards, but nobody sees them. */
  private void undescribed(String indent) throws IOException {
    snapshot.noDevices().ifPresent(why -> out.println(indent + "no devices: " + why));
    if (undescribed()) {
      out.println(
          indent
              + "no vmdesc (machine option suppress-vmdesc, or a machine type up to 2.2): devices are"
              + " opaque but for CPUs and PCI configuration, NICs cannot be read");
    }
    for (DeviceSection device : snapshot.devices()) {
      if (device.name().equals("cpu") && device.decoded() == DeviceSection.Decoded.OPAQUE) {
        out.println(indent + device.label() + " cannot be read: " + device.note());
      }
    }
  }

  void nics() throws IOException {
    if (undescribed() || snapshot.noDevices().isPresent()) {
      undescribed("# ");
    }
    for (Nic nic : Nics.of(snapshot.devices())) {
      nic("", nic);
      nic.copies().forEach(copy -> out.println("    in " + copy.what()));
    }
  }

  void devices() throws IOException {
    if (snapshot.noDevices().isPresent()) {
      undescribed("# ");
      return;
    }
    out.printf(
        "%-36s %8s %7s %10s %8s  %s%n",
        "NAME", "INSTANCE", "VERSION", "BYTES", "OPAQUE", "DECODED");
    for (DeviceSection device : snapshot.devices()) {
      out.printf(
          "%-36s %8d %7d %10d %8d  %s%n",
          device.name(),
          device.instance(),
          device.version(),
          device.payload().length(),
          device.opaqueBytes(),
          device.note().isEmpty() ? device.decoded() : device.decoded() + ": " + device.note());
    }
  }

  /** {@code groups}: what is printed besides the registers everybody asks for. */
  void cpus(Predicate<X86Cpu> chosen, boolean gdb, Set<RegisterGroup> groups) throws IOException {
    if (snapshot.noDevices().isEmpty()) {
      undescribed("# ");
    }
    List<X86Cpu> cpus = snapshot.cpus().stream().filter(chosen).toList();
    for (X86Cpu cpu : cpus) {
      if (gdb) {
        if (cpus.size() > 1) {
          out.printf("# CPU %d, thread %d of the core%n", cpu.index(), cpu.index() + 1);
        }
        CpuGdbText.print(cpu, out);
      } else {
        new CpuText(cpu, out).print(groups);
      }
    }
  }
}
