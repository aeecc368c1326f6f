package dev.vmstate.snapshot;

import dev.vmstate.bytes.ByteSource;
import dev.vmstate.bytes.Progress;
import dev.vmstate.bytes.Span;
import dev.vmstate.cpu.X86Registers;
import dev.vmstate.device.DeviceSection;
import dev.vmstate.device.Field;
import dev.vmstate.device.FieldEdit;
import dev.vmstate.memory.MemoryMap;
import dev.vmstate.memory.X86MemoryMap;
import dev.vmstate.nic.MacAddress;
import dev.vmstate.nic.Nic;
import dev.vmstate.nic.Nics;
import dev.vmstate.ram.MappedPages;
import dev.vmstate.ram.RamIndex;
import dev.vmstate.ram.RamPages;
import dev.vmstate.ram.StreamMemory;
import dev.vmstate.stream.RamSetup;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;

/** Everything the readers make of a stream, from bytes in memory: what {@link Snapshot} does. */
final class WholeReading {
  private static final MacAddress MAC = MacAddress.parse("52:54:00:ab:cd:ef");

  private final ByteSource stream;
  private final StreamHead head;
  private final RamSetup ram;
  private final Optional<VmdescRecord> vmdesc;

  WholeReading(ByteSource stream) throws IOException {
    this.stream = stream;
    this.vmdesc = VmdescRecord.fromEnd(stream);
    this.head = StreamHead.decode(stream, 0, vmdesc);
    this.ram = head.ram();
  }

  WholeReading(byte[] stream) throws IOException {
    this(ByteSource.of("a.mig", stream));
  }

  RamSetup ram() {
    return ram;
  }

  Optional<StreamLayout> fromBothEnds() throws IOException {
    return vmdesc.isPresent() ? TailFirst.layout(stream, head, vmdesc.get()) : Optional.empty();
  }

  StreamLayout scanned(RamPages pages) throws IOException {
    if (ram.isMapped()) {
      new MappedPages(stream, ram).index(pages.index());
    }
    return new StreamScan(stream, head, vmdesc).scan(pages, Snapshot.NOTHING, Progress.NONE);
  }

  StreamLayout scanned() throws IOException {
    try (RamPages pages = new RamPages(stream, ram.blocks())) {
      return scanned(pages);
    }
  }

  /** Asks for everything; what comes out must hold together, whatever the bytes were. */
  static StreamLayout all(byte[] bytes) throws IOException {
    return all(ByteSource.of("a.mig", bytes));
  }

  static StreamLayout all(ByteSource source) throws IOException {
    WholeReading reading = new WholeReading(source);
    Optional<StreamLayout> tail = reading.fromBothEnds();
    if (tail.isPresent()) {
      reading.views(tail.get().devices());
    }
    try (RamPages pages = new RamPages(reading.stream, reading.ram.blocks())) {
      return reading.memory(pages);
    }
  }

  private StreamLayout memory(RamPages pages) throws IOException {
    StreamLayout layout = scanned(pages);
    MemoryMap map = views(layout.devices());
    StreamMemory memory = new StreamMemory(pages, map);
    for (MemoryMap.Range range : map.ranges()) {
      memory.readPhysical(range.start(), ByteBuffer.allocate(1));
      memory.readPhysical(range.end() - 1, ByteBuffer.allocate(1));
    }
    for (int block = 0; block < ram.blocks().size(); block++) {
      RamIndex.Counts counts = pages.index().counts(block);
      long inAll = counts.data() + counts.zero() + counts.absent();
      if (inAll != ram.blocks().get(block).pages() || counts.absent() < 0) {
        throw new AssertionError("block %d: %s".formatted(block, counts));
      }
    }
    return layout;
  }

  private MemoryMap views(List<DeviceSection> devices) throws IOException {
    for (DeviceSection device : devices) {
      if (!device.record().contains(device.payload())) {
        throw new AssertionError(device.label() + " " + device.record() + device.payload());
      }
      tiles(device.root(), device.payload());
      X86Registers.of(device).ifPresent(cpu -> cpu.mode());
    }
    for (Nic nic : Nics.of(devices)) {
      for (Nic.Copy copy : nic.copies()) {
        for (FieldEdit edit : copy.set(MAC, "test")) {
          if (!nic.section().payload().contains(edit.where())) {
            throw new AssertionError(edit.path());
          }
        }
      }
    }
    return X86MemoryMap.of(
        head.header().machine(), ram.blocks(), devices, OptionalLong.empty(), block -> new byte[0]);
  }

  /** The children of every group cover its body without gaps. */
  static void tiles(Field.Group group, Span body) {
    long at = body.offset();
    for (Field child : group.children()) {
      if (child.span().offset() != at) {
        throw new AssertionError(child.label() + " at " + child.span() + " instead of " + at);
      }
      at = child.span().end();
      if (child instanceof Field.Group nested) {
        if (nested.body().end() != nested.span().end()) {
          throw new AssertionError(nested.label());
        }
        tiles(nested, nested.body());
      }
    }
    if (at != body.end()) {
      throw new AssertionError("%s ends at %d of %s".formatted(group.label(), at, body));
    }
  }
}
