package dev.vmstate.snapshot;

import dev.vmstate.bytes.FormatException;
import dev.vmstate.device.DeviceSection;
import dev.vmstate.device.DeviceSection.Decoded;
import dev.vmstate.device.Field;
import dev.vmstate.device.SectionDecoder;
import dev.vmstate.layout.Layouts;
import dev.vmstate.schema.SectionSchema;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;

/**
 * Decodes sections that their stream does not describe by a schema from elsewhere. It is believed
 * when it accounts for every byte; otherwise the section stays as it was, with the reason.
 */
final class SchemaDecoding {
  private final SectionSchema schema;
  private final SectionDecoder.Budget budget = new SectionDecoder.Budget();

  SchemaDecoding(SectionSchema schema) {
    this.schema = schema;
  }

  StreamLayout apply(StreamLayout layout) throws IOException {
    List<DeviceSection> devices = new ArrayList<>();
    for (DeviceSection device : layout.devices()) {
      devices.add(device.decoded() == Decoded.VMDESC ? device : decode(device));
    }
    return layout.with(devices);
  }

  private DeviceSection decode(DeviceSection device) throws IOException {
    SectionSchema.Fit fit =
        schema.fit(
            new SectionSchema.Section(
                device.source(),
                device.payload(),
                device.name(),
                device.instance(),
                device.version()));
    if (fit.struct().isEmpty()) {
      return device.decoded() == Decoded.OPAQUE ? device.opaque(fit.reason()) : device;
    }
    try {
      Field.Group root =
          SectionDecoder.decode(
              device.source(), device.payload(), device.name(), fit.struct().get(), budget);
      root = Layouts.builtIn().refine(device.source(), device.name(), root, budget);
      return device.by(root);
    } catch (FormatException e) {
      return device.decoded() == Decoded.OPAQUE
          ? device.opaque(String.valueOf(e.getMessage()))
          : device;
    }
  }
}
