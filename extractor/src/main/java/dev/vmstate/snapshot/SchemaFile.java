package dev.vmstate.snapshot;

import dev.vmstate.bytes.FormatException;
import dev.vmstate.container.SnapshotName;
import dev.vmstate.device.DeviceSection;
import dev.vmstate.device.VmDescription;
import dev.vmstate.schema.ClassSchema;
import dev.vmstate.schema.DeviceClassesJson;
import dev.vmstate.schema.SectionSchema;
import dev.vmstate.schema.StreamSchema;
import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Where a schema comes from: another snapshot of the same machine, whose stream describes itself,
 * or the JSON that QEMU's {@code -dump-vmstate} writes. Told apart by content.
 */
public final class SchemaFile {
  private static final int FRONT = 256;

  private SchemaFile() {}

  /**
   * Reads a schema.
   *
   * @throws FormatException when the file is neither, or describes nothing
   */
  public static SectionSchema open(SnapshotName source) throws IOException {
    if (source.inner().isEmpty() && isDump(source.file())) {
      try (InputStream in = new BufferedInputStream(Files.newInputStream(source.file()))) {
        String name = source.file().toString();
        return new ClassSchema(DeviceClassesJson.read(in, name), source.file().getFileName() + "");
      }
    }
    Snapshot opened = Snapshot.open(source);
    try (opened) {
      if (opened instanceof StreamSnapshot stream) {
        return of(stream);
      }
    }
    throw new FormatException(
        source.toString(),
        0,
        "neither a migration stream nor what -dump-vmstate writes, so it describes no devices");
  }

  private static boolean isDump(Path file) throws IOException {
    if (!Files.isRegularFile(file)) {
      return false;
    }
    try (InputStream in = Files.newInputStream(file)) {
      return DeviceClassesJson.is(new String(in.readNBytes(FRONT), StandardCharsets.ISO_8859_1));
    }
  }

  private static SectionSchema of(StreamSnapshot stream) throws IOException {
    VmDescription description =
        stream
            .description()
            .orElseThrow(
                () ->
                    new FormatException(
                        stream.stream().name(),
                        0,
                        "this stream does not describe its devices either: take one that was saved"
                            + " without suppress-vmdesc"));
    Map<List<Object>, Deque<Long>> versions = new HashMap<>();
    for (DeviceSection device : stream.devices()) {
      versions
          .computeIfAbsent(List.of(device.name(), device.instance()), key -> new ArrayDeque<>())
          .add(device.version());
    }
    List<Long> inOrder = new ArrayList<>();
    for (VmDescription.Device device : description.devices()) {
      Long version =
          versions
              .getOrDefault(List.of(device.name(), device.instance()), new ArrayDeque<>())
              .poll();
      inOrder.add(version == null ? -1 : version);
    }
    return new StreamSchema(stream.source().toString(), description, inOrder);
  }
}
