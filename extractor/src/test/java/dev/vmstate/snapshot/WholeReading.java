package dev.vmstate.snapshot;

import dev.vmstate.bytes.ByteSource;
import dev.vmstate.bytes.Cursor;
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
import dev.vmstate.ram.RamIndex;
import dev.vmstate.ram.StreamMemory;
import dev.vmstate.stream.RamSetup;
import dev.vmstate.stream.StreamHeader;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;

/** Everything the readers make of a stream, from bytes in memory: what {@link Snapshot} does. */
final class WholeReading {
  private static final MacAddress MAC = MacAddress.parse("52:54:00:ab:cd:ef");

  private final ByteSource stream;
  private final StreamHeader header;
  private final RamSetup ram;
  private final Optional<VmdescRecord> vmdesc;

  WholeReading(ByteSource stream) throws IOException {
    this.stream = stream;
    Cursor in = Cursor.of(stream);
    this.header = StreamHeader.decode(in, stream.name());
    this.ram = RamSetup.decode(in, header, stream.name());
    this.vmdesc = VmdescRecord.fromEnd(stream);
  }

  WholeReading(byte[] stream) throws IOException {
    this(ByteSource.of("a.mig", stream));
  }

  RamSetup ram() {
    return ram;
  }

  Optional<StreamLayout> fromBothEnds() throws IOException {
    return vmdesc.isPresent()
        ? TailFirst.layout(stream, header, ram, vmdesc.get())
        : Optional.empty();
  }

  StreamLayout scanned(RamIndex index) throws IOException {
    return new StreamScan(stream, header, ram, vmdesc).scan(index, Progress.NONE);
  }

  StreamLayout scanned() throws IOException {
    return scanned(new RamIndex(ram.blocks()));
  }

  /** Asks for everything; what comes out must hold together, whatever the bytes were. */
  static StreamLayout all(byte[] bytes) throws IOException {
    WholeReading reading = new WholeReading(bytes);
    Optional<StreamLayout> tail = reading.fromBothEnds();
    if (tail.isPresent()) {
      reading.views(tail.get().devices());
    }
    RamIndex index = new RamIndex(reading.ram.blocks());
    StreamLayout layout = reading.scanned(index);
    MemoryMap map = reading.views(layout.devices());
    StreamMemory memory = new StreamMemory(reading.stream, index, map);
    for (MemoryMap.Range range : map.ranges()) {
      memory.readPhysical(range.start(), ByteBuffer.allocate(1));
      memory.readPhysical(range.end() - 1, ByteBuffer.allocate(1));
    }
    for (int block = 0; block < reading.ram.blocks().size(); block++) {
      RamIndex.Counts counts = index.counts(block);
      long pages = counts.data() + counts.zero() + counts.absent();
      if (pages != reading.ram.blocks().get(block).pages() || counts.absent() < 0) {
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
        header.machine(), ram.blocks(), devices, OptionalLong.empty(), block -> new byte[0]);
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
