package dev.vmstate.hardware;

import dev.vmstate.bytes.ByteSource;
import dev.vmstate.bytes.Span;
import dev.vmstate.cpu.Register;
import dev.vmstate.cpu.X86Cpu;
import dev.vmstate.device.DeviceSection;
import dev.vmstate.device.Field;
import dev.vmstate.device.FieldEdit;
import dev.vmstate.device.Meaning;
import dev.vmstate.device.ScalarType;
import dev.vmstate.memory.RamBlock;
import dev.vmstate.nic.MacAddress;
import dev.vmstate.nic.Nic;
import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * A machine's state written by hand, byte by byte, with the fields that say what was written. The
 * devices stand one behind the other in one stream, as they do in a snapshot.
 */
final class MachineBuilder {
  private record Open(
      String name,
      int index,
      Field.GroupKind kind,
      String vmsd,
      long version,
      int start,
      int body,
      List<Field> children) {}

  private record Device(String name, long instance, long version, Field.Group root) {}

  private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();
  private final Deque<Open> open = new ArrayDeque<>();
  private final List<Device> devices = new ArrayList<>();
  private final List<Register> registers = new ArrayList<>();
  private String nic = "";
  private Optional<Span> mac = Optional.empty();
  private long instance;

  MachineBuilder() {
    bytes.writeBytes(new byte[7]); // so that no offset is a field's index by chance
  }

  MachineBuilder device(String name, long instance, long version) {
    while (!open.isEmpty()) {
      end();
    }
    this.instance = instance;
    int at = bytes.size();
    open.addLast(
        new Open(name, -1, Field.GroupKind.SECTION, "", version, at, at, new ArrayList<>()));
    return this;
  }

  MachineBuilder scalar(String name, String type, long value) {
    return scalar(name, -1, ScalarType.of(type).orElseThrow(), value);
  }

  MachineBuilder scalar(String name, int index, ScalarType type, long value) {
    Span span = new Span(bytes.size(), type.width());
    bytes.writeBytes(type.encode(value));
    long shown = type.decode(type.encode(value), 0);
    return add(new Field.Scalar(name, index, type, span, shown));
  }

  MachineBuilder array(String name, String type, long... values) {
    ScalarType scalar = ScalarType.of(type).orElseThrow();
    Span span = new Span(bytes.size(), (long) values.length * scalar.width());
    for (long value : values) {
      number(scalar.width(), value);
    }
    return add(new Field.Array(name, -1, scalar, values.length, span));
  }

  MachineBuilder raw(String name, String type, int... values) {
    Span span = new Span(bytes.size(), values.length);
    for (int value : values) {
      bytes.write(value);
    }
    return add(new Field.Raw(name, -1, type, span));
  }

  MachineBuilder struct(String name, int index, String vmsd) {
    int at = bytes.size();
    open.addLast(new Open(name, index, Field.GroupKind.STRUCT, vmsd, 1, at, at, new ArrayList<>()));
    return this;
  }

  MachineBuilder subsection(String name, long version) {
    int at = bytes.size();
    bytes.write(0x05);
    bytes.write(name.length());
    name.chars().forEach(bytes::write);
    number(4, version);
    open.addLast(
        new Open(
            name,
            -1,
            Field.GroupKind.SUBSECTION,
            name,
            version,
            at,
            bytes.size(),
            new ArrayList<>()));
    return this;
  }

  /** Ends the innermost struct, subsection or device. */
  MachineBuilder end() {
    Open group = open.removeLast();
    Field.Group field =
        new Field.Group(
            group.name(),
            group.index(),
            group.kind(),
            group.vmsd(),
            group.version(),
            new Span(group.start(), bytes.size() - group.start()),
            new Span(group.body(), bytes.size() - group.body()),
            group.children());
    if (open.isEmpty()) {
      devices.add(new Device(group.name(), instance, group.version(), field));
      return this;
    }
    return add(field);
  }

  /** Bytes that no field covers. */
  MachineBuilder gap(int value) {
    bytes.write(value);
    return this;
  }

  /** Gives the field written last names of its bits or values; of an array, one of its elements. */
  MachineBuilder named(int element, Meaning meaning) {
    List<Field> children = open.getLast().children();
    Field last = children.remove(children.size() - 1);
    if (last instanceof Field.Array array) {
      Map<Integer, Meaning> single =
          new HashMap<>(array.named() == null ? Map.of() : array.named().single());
      single.put(element, meaning);
      return add(
          new Field.Array(
              array.name(),
              array.index(),
              array.type(),
              array.count(),
              array.span(),
              new Field.Elements(null, single)));
    }
    Field.Scalar scalar = (Field.Scalar) last;
    return add(
        new Field.Scalar(
            scalar.name(), scalar.index(), scalar.type(), scalar.span(), scalar.value(), meaning));
  }

  /** Names the field written last as a register. */
  MachineBuilder register(String name) {
    Field.Scalar scalar = (Field.Scalar) last();
    registers.add(Register.ofField(name, scalar.span(), scalar.value(), scalar.name()));
    return this;
  }

  /** Makes the open device a NIC whose address is the field written last. */
  MachineBuilder nic() {
    nic = open.getFirst().name();
    mac = Optional.of(last().span());
    return this;
  }

  HardwareState build() {
    while (!open.isEmpty()) {
      end();
    }
    ByteSource source = ByteSource.of("stream", bytes.toByteArray());
    List<DeviceSection> sections =
        devices.stream()
            .map(
                device ->
                    new DeviceSection(
                        device.name(),
                        device.instance(),
                        device.version(),
                        device.root().span(),
                        device.root().span(),
                        DeviceSection.Decoded.VMDESC,
                        "",
                        device.root(),
                        source))
            .toList();
    return new HardwareState(
        "qemu",
        "pc-i440fx-7.2",
        "x86_64",
        List.of(new RamBlock("pc.ram", 268435456, 4096), new RamBlock("/rom@etc/acpi", 4096, 4096)),
        registers.isEmpty() ? List.of() : List.of(new X86Cpu(0, registers)),
        mac.map(span -> nic(sections, span)).stream().toList(),
        sections);
  }

  private Nic nic(List<DeviceSection> sections, Span span) {
    DeviceSection section =
        sections.stream().filter(s -> s.name().equals(nic)).findFirst().orElseThrow();
    byte[] stream = bytes.toByteArray();
    byte[] now = ByteBuffer.allocate(6).put(stream, (int) span.offset(), 6).array();
    Nic.Copy copy =
        new Nic.Copy() {
          @Override
          public String what() {
            return "mac";
          }

          @Override
          public List<FieldEdit> set(MacAddress address, String origin) {
            return List.of(FieldEdit.of(nic + "/mac", span, now, address.bytes(), origin));
          }
        };
    return new Nic(
        section.label(),
        "e1000",
        Optional.of(MacAddress.of(now)),
        section,
        List.of(copy),
        List.of());
  }

  private Field last() {
    List<Field> children = open.getLast().children();
    return children.get(children.size() - 1);
  }

  private MachineBuilder add(Field field) {
    open.getLast().children().add(field);
    return this;
  }

  private void number(int width, long value) {
    for (int shift = 8 * (width - 1); shift >= 0; shift -= 8) {
      bytes.write((int) (value >>> shift));
    }
  }
}
