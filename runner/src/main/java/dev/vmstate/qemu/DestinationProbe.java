package dev.vmstate.qemu;

import com.fasterxml.jackson.databind.JsonNode;
import dev.vmstate.bytes.Progress;
import dev.vmstate.check.Destination;
import dev.vmstate.check.Destination.Bar;
import dev.vmstate.schema.DeviceClasses;
import dev.vmstate.snapshot.StreamSnapshot;
import java.io.Closeable;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * A machine as it is before its first instruction, made to save itself and asked about what the
 * stream does not tell. It runs for as long as this is open.
 */
final class DestinationProbe implements Closeable {
  private static final Pattern DEVICE = Pattern.compile("(?m)^\\s*dev: ([^,]+),");

  private final QemuProcess qemu;
  private final Path file;
  private @Nullable StreamSnapshot fresh;

  /**
   * Starts the machine.
   *
   * @param directory where its stream lies meanwhile
   */
  DestinationProbe(QemuCommand command, Path directory) throws IOException {
    file = Files.createTempFile(directory, ".vmstate-check-", ".mig");
    try {
      qemu = QemuProcess.startFresh(command);
    } catch (IOException | RuntimeException e) {
      Files.delete(file);
      throw e;
    }
  }

  /** What there is to know; {@code whole}: whether no device is missing. */
  Destination destination(DeviceClasses classes, boolean whole, Progress progress)
      throws IOException {
    Qmp qmp = qemu.qmp();
    Map<String, List<Bar>> bars = new HashMap<>();
    for (JsonNode bus : qmp.execute("query-pci")) {
      devices(bus.path("devices"), "0000:00", bars);
    }
    Set<String> capabilities = new HashSet<>();
    qmp.execute("query-migrate-capabilities")
        .forEach(capability -> capabilities.add(capability.path("capability").asText()));
    Map<String, Integer> devices = new HashMap<>();
    Matcher device = DEVICE.matcher(qmp.human("info qtree"));
    while (device.find()) {
      devices.merge(device.group(1), 1, Integer::sum);
    }
    Destination.CpuModel cpu = new FirstCpu(qmp);
    new LoadAndSave(qemu, progress).save(file);
    StreamSnapshot saved = StreamSnapshot.open(file);
    fresh = saved;
    return new Destination(
        qmp.version(),
        whole,
        saved,
        classes,
        capabilities,
        bars,
        devices,
        cpu,
        new ProgramNames(qemu.pid()));
  }

  /** A section is named by the slots on the way to its device, not by bus numbers. */
  private static void devices(JsonNode devices, String parent, Map<String, List<Bar>> into) {
    for (JsonNode device : devices) {
      String place =
          "%s:%02x.%x"
              .formatted(parent, device.path("slot").asInt(), device.path("function").asInt());
      List<Bar> bars = new ArrayList<>();
      for (JsonNode region : device.path("regions")) {
        int index = region.path("bar").asInt();
        if (index < 6) {
          bars.add(new Bar(index, region.path("size").asLong()));
        }
      }
      into.put(place, bars);
      devices(device.path("pci_bridge").path("devices"), place, into);
    }
  }

  /** The features of the machine's first CPU: properties of its object. */
  private static final class FirstCpu implements Destination.CpuModel {
    private final Qmp qmp;
    private final String path;
    private final String type;
    private final Map<String, Optional<Boolean>> known = new HashMap<>();

    FirstCpu(Qmp qmp) throws IOException {
      this.qmp = qmp;
      path = qmp.execute("query-cpus-fast").path(0).path("qom-path").asText();
      type = path.isEmpty() ? "" : get("type").asText().replaceFirst("-[^-]+-cpu$", "");
    }

    private JsonNode get(String property) throws IOException {
      return qmp.execute("qom-get", Qmp.arguments().put("path", path).put("property", property));
    }

    @Override
    public String name() {
      return "CPU model " + type;
    }

    @Override
    public Optional<Boolean> has(String feature) throws IOException {
      Optional<Boolean> found = known.get(feature);
      if (found == null) {
        found = Optional.empty();
        for (String one : feature.split("\\|")) {
          Optional<Boolean> has = ask(one);
          found = found.equals(Optional.of(true)) || has.isEmpty() ? found : has;
        }
        known.put(feature, found);
      }
      return found;
    }

    private Optional<Boolean> ask(String feature) {
      try {
        JsonNode value = get(feature);
        return value.isBoolean() ? Optional.of(value.asBoolean()) : Optional.empty();
      } catch (IOException e) {
        return Optional.empty(); // a QEMU that has no such property cannot say
      }
    }
  }

  @Override
  public void close() throws IOException {
    try (qemu) {
      if (fresh != null) {
        fresh.close();
      }
    } finally {
      Files.deleteIfExists(file);
    }
  }
}
