package dev.vmstate.snapshot;

import dev.vmstate.bytes.ByteSource;
import dev.vmstate.bytes.FormatException;
import dev.vmstate.bytes.Span;
import dev.vmstate.device.BuiltInLayout;
import dev.vmstate.device.DeviceSection;
import dev.vmstate.device.Field;
import dev.vmstate.device.SectionDecoder;
import dev.vmstate.device.VmDescription;
import dev.vmstate.layout.Layouts;
import dev.vmstate.stream.SectionHeader;
import java.io.IOException;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;

/**
 * Which description belongs to which section. Name and instance need not be unique (a guest with
 * two user-mode netdevs has two sections {@code slirp} 0), so equal ones are taken in order.
 */
final class SectionTable {
  private record Key(String name, long instance) {}

  private final ByteSource stream;
  private final SectionDecoder.Budget budget = new SectionDecoder.Budget();
  private final Map<Key, Deque<VmDescription.Device>> left = new HashMap<>();

  SectionTable(ByteSource stream, VmDescription description) {
    this.stream = stream;
    for (VmDescription.Device device : description.devices()) {
      left.computeIfAbsent(new Key(device.name(), device.instance()), k -> new ArrayDeque<>())
          .add(device);
    }
  }

  /** Takes the next description for a section. */
  Optional<VmDescription.Device> take(SectionHeader header) {
    Deque<VmDescription.Device> devices = left.get(new Key(header.idstr(), header.instance()));
    return Optional.ofNullable(devices).map(Deque::poll);
  }

  /** Lays the description over the payload; what does not fit is kept opaque, with the reason. */
  DeviceSection decode(
      SectionHeader header, Span payload, long end, Optional<VmDescription.Device> description)
      throws IOException {
    Field.Group root = SectionDecoder.opaque(payload, header.idstr());
    DeviceSection.Decoded decoded = DeviceSection.Decoded.OPAQUE;
    String note = "the stream describes no such section";
    Optional<VmDescription.Struct> body = description.map(VmDescription.Device::body);
    if (body.isEmpty()) {
      body = BuiltInLayout.of(stream, payload, header.idstr(), header.version());
    }
    if (body.isPresent()) {
      try {
        root = SectionDecoder.decode(stream, payload, header.idstr(), body.get(), budget);
        root = Layouts.builtIn().refine(stream, header.idstr(), root, budget);
        decoded =
            description.isPresent() ? DeviceSection.Decoded.VMDESC : DeviceSection.Decoded.MODEL;
        note = "";
      } catch (FormatException e) {
        note = String.valueOf(e.getMessage());
      }
    }
    long start = header.span().offset();
    return new DeviceSection(
        header.idstr(),
        header.instance(),
        header.version(),
        new Span(start, end - start),
        payload,
        decoded,
        note,
        root,
        stream);
  }
}
