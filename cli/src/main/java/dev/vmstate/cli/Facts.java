package dev.vmstate.cli;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.vmstate.container.Container;
import dev.vmstate.cpu.Register;
import dev.vmstate.cpu.X86Cpu;
import dev.vmstate.device.DeviceSection;
import dev.vmstate.memory.MainMemory;
import dev.vmstate.memory.MemoryMap;
import dev.vmstate.memory.RamBlock;
import dev.vmstate.nic.Nic;
import dev.vmstate.nic.Nics;
import dev.vmstate.ram.RamIndex;
import dev.vmstate.snapshot.Snapshot;
import dev.vmstate.snapshot.StreamLayout;
import dev.vmstate.snapshot.StreamSnapshot;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * What a snapshot says of itself, as JSON. The keys are stable: they are added to, never renamed.
 */
final class Facts {
  private static final JsonNodeFactory JSON = JsonNodeFactory.instance;
  private final Snapshot snapshot;

  Facts(Snapshot snapshot) {
    this.snapshot = snapshot;
  }

  /** {@code index}: with page counts, or null without. */
  ObjectNode info(@Nullable RamIndex index) throws IOException {
    ObjectNode info = JSON.objectNode();
    info.put("container", snapshot.container());
    info.put("vmm", snapshot.vmm());
    info.put("machine", snapshot.machine());
    info.put("arch", snapshot.arch());
    if (snapshot instanceof StreamSnapshot stream) {
      info.put("streamVersion", stream.header().version());
      features(stream).forEach(info.putArray("features")::add);
    }
    for (Container.Fact fact : snapshot.facts()) {
      info.withObject("/containerFacts").put(fact.name(), fact.value());
    }
    ObjectNode ram = info.putObject("ram");
    ram.put("bytes", MainMemory.bytes(snapshot.blocks()));
    ArrayNode blocks = ram.putArray("blocks");
    for (int i = 0; i < snapshot.blocks().size(); i++) {
      blocks.add(block(i, index));
    }
    info.set("memoryMap", memoryMap());
    List<String> missing = missingMemory(snapshot);
    if (!missing.isEmpty()) {
      missing.forEach(info.putArray("missingMemory")::add);
    }
    info.set("cpus", cpus(false, cpu -> true));
    info.set("nics", nics(false));
    info.set("devices", devices());
    noDevices(info);
    return info;
  }

  /** The snapshot as a stream, if it is one. */
  static Optional<StreamSnapshot> stream(Snapshot snapshot) {
    return snapshot instanceof StreamSnapshot stream ? Optional.of(stream) : Optional.empty();
  }

  /** What is to be said of memory that a snapshot lists and does not hold. */
  static List<String> missingMemory(Snapshot snapshot) throws IOException {
    Optional<StreamSnapshot> stream = stream(snapshot);
    return stream.isPresent() ? stream.get().missingMemory() : List.of();
  }

  /** What the stream shows of how QEMU was set up. */
  static List<String> features(StreamSnapshot snapshot) throws IOException {
    StreamLayout layout = snapshot.layout();
    List<String> names = new ArrayList<>();
    snapshot.header().configuration().ifPresent(c -> names.add("configuration"));
    if (snapshot.ram().footers()) {
      names.add("section-footers");
    }
    if (layout.vmdesc().isPresent()) {
      names.add("vmdesc");
    }
    snapshot
        .header()
        .configuration()
        .ifPresent(
            c -> {
              c.pageBits().ifPresent(bits -> names.add("target-page-bits=" + bits));
              names.addAll(c.capabilities());
              c.uuid().ifPresent(uuid -> names.add("uuid=" + uuid));
            });
    return names;
  }

  private ObjectNode block(int i, @Nullable RamIndex index) {
    RamBlock block = snapshot.blocks().get(i);
    ObjectNode node = JSON.objectNode();
    node.put("name", block.name()).put("bytes", block.bytes()).put("pageSize", block.pageSize());
    if (index != null) {
      RamIndex.Counts counts = index.counts(i);
      node.putObject("pages")
          .put("data", counts.data())
          .put("zero", counts.zero())
          .put("absent", counts.absent())
          .put("rewritten", counts.rewritten());
    }
    return node;
  }

  ArrayNode memoryMap() throws IOException {
    ArrayNode ranges = JSON.arrayNode();
    for (MemoryMap.Range range : snapshot.memoryMap().ranges()) {
      ranges
          .addObject()
          .put("start", hex(range.start()))
          .put("end", hex(range.end()))
          .put("block", snapshot.blocks().get(range.block()).name())
          .put("offset", hex(range.offset()));
    }
    return ranges;
  }

  /** {@code full}: with every register. */
  ArrayNode cpus(boolean full, Predicate<X86Cpu> chosen) throws IOException {
    ArrayNode cpus = JSON.arrayNode();
    for (X86Cpu cpu : snapshot.cpus()) {
      if (!chosen.test(cpu)) {
        continue;
      }
      ObjectNode node = cpus.addObject();
      node.put("index", cpu.index())
          .put("mode", cpu.mode().toString())
          .put("rip", hex(cpu.get("rip")))
          .put("cr3", cpu.find("cr3").map(r -> hex(r.value())).orElse(null));
      if (full) {
        ObjectNode registers = node.putObject("registers");
        for (Register register : cpu.registers()) {
          registers.put(register.name(), hex(register.value()));
        }
        CpuFacts.add(cpu, node);
      }
    }
    return cpus;
  }

  /** {@code full}: with every place that holds the address. */
  ArrayNode nics(boolean full) throws IOException {
    ArrayNode nics = JSON.arrayNode();
    for (Nic nic : Nics.of(snapshot.devices())) {
      ObjectNode node = nics.addObject();
      node.put("id", nic.id()).put("model", nic.model());
      node.put("mac", nic.mac().map(Object::toString).orElse(null));
      if (full) {
        nic.copies().forEach(copy -> node.withArray("copies").add(copy.what()));
      }
    }
    return nics;
  }

  /** Says why there are none, where there cannot be any. */
  void noDevices(ObjectNode node) {
    snapshot.noDevices().ifPresent(why -> node.put("noDevices", why));
  }

  ArrayNode devices() throws IOException {
    ArrayNode devices = JSON.arrayNode();
    for (DeviceSection device : snapshot.devices()) {
      ObjectNode node = devices.addObject();
      node.put("name", device.name())
          .put("instance", device.instance())
          .put("version", device.version())
          .put("bytes", device.payload().length())
          .put("decoded", device.decoded().toString())
          .put("opaqueBytes", device.opaqueBytes());
      if (!device.note().isEmpty()) {
        node.put("note", device.note());
      }
    }
    return devices;
  }

  static String hex(long value) {
    return "0x" + Long.toHexString(value);
  }
}
