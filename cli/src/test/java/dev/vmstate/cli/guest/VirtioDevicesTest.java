package dev.vmstate.cli.guest;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import dev.vmstate.device.DeviceSection;
import dev.vmstate.device.Field;
import dev.vmstate.device.FieldPath;
import dev.vmstate.layout.Meanings;
import dev.vmstate.qemu.Qmp;
import dev.vmstate.snapshot.StreamSnapshot;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.TreeMap;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * A machine with every virtio device that migrates and needs nothing of the host, saved while its
 * firmware uses the disk, beside what QEMU's own monitor says of it ({@code query-pci}, {@code
 * x-query-virtio-status}, {@code x-query-virtio-queue-status}).
 *
 * <p>{@code x-query-virtio-status} ends QEMU 7.2 when it comes to virtio-crypto, and QEMU 11.1 when
 * it comes to virtio-net, so it is asked last, and 11.1 only for PCI.
 */
@Tag("qemu")
class VirtioDevicesTest {
  private static final long DEADLINE = 120_000_000_000L;
  private static final int DRIVER_OK = 4;

  @TempDir private Path folder;

  private static GuestMachine machine(List<String> qemu) {
    GuestMachine machine =
        new GuestMachine(qemu, "q35", "32M")
            .with("-device", "pcie-root-port,id=root1,slot=1")
            .with("-drive", "if=none,id=disk,driver=null-co,read-zeroes=on,size=1M")
            .with("-chardev", "null,id=chars")
            .with("-object", "rng-builtin,id=noise")
            .card("virtio-net-pci", "52:54:00:0d:0d:01")
            .with("-netdev", "hubport,hubid=1,id=behind")
            .with("-device", "virtio-net-pci,netdev=behind,bus=root1,packed=on");
    for (String device :
        List.of(
            "virtio-blk-pci,drive=disk,num-queues=2",
            "virtio-scsi-pci",
            "virtio-balloon-pci",
            "virtio-serial-pci",
            "virtconsole,chardev=chars",
            "virtio-rng-pci,rng=noise",
            "virtio-gpu-pci,max_outputs=2",
            "virtio-keyboard-pci",
            "virtio-tablet-pci")) {
      machine.with("-device", device);
    }
    return machine;
  }

  @Test
  void everyDeviceIsReadAndSaysWhatQemuSays() throws Exception {
    compare(GuestMachine.hostQemu(), true);
  }

  @Tag("matrix")
  @ParameterizedTest(name = "QEMU {0}")
  @ValueSource(strings = {"5.2", "10.0", "11.1"})
  void soItIsOnOtherVersions(String version) throws Exception {
    compare(GuestMachine.cachedQemu(version), version.equals("10.0"));
  }

  private void compare(List<String> qemu, boolean virtioCommands) throws Exception {
    Path file = folder.resolve("virtio.mig");
    try (Machine running = Machine.fresh(machine(qemu).words())) {
      running.run();
      awaitFirmware(running.qmp());
      running.stop();
      JsonNode pci = running.qmp().execute("query-pci");
      running.save(file);
      try (StreamSnapshot snapshot = StreamSnapshot.open(file)) {
        List<DeviceSection> devices = virtio(snapshot.devices());
        assertEquals(10, devices.size());
        for (DeviceSection device : devices) {
          assertEquals(0, device.opaqueBytes(), device.label());
          device.root().children().forEach(field -> assertTrue(tiles(field), field::label));
          samePci(device, function(pci, device.name()));
        }
        if (virtioCommands) {
          sameVirtio(devices, running.qmp());
        }
      }
    }
  }

  /** Until the firmware has read from the disk. */
  private static void awaitFirmware(Qmp qmp) throws IOException {
    long until = System.nanoTime() + DEADLINE;
    while (reads(qmp) == 0) {
      assertTrue(System.nanoTime() < until, "the firmware does not read");
    }
  }

  private static long reads(Qmp qmp) throws IOException {
    long reads = 0;
    for (JsonNode drive : qmp.execute("query-blockstats")) {
      reads += drive.path("stats").path("rd_operations").asLong();
    }
    return reads;
  }

  private static List<DeviceSection> virtio(List<DeviceSection> devices) {
    return devices.stream()
        .filter(d -> d.root().children().stream().anyMatch(f -> f.name().equals("virtio")))
        .toList();
  }

  private static boolean tiles(Field field) {
    if (!(field instanceof Field.Group group)) {
      return true;
    }
    long at = group.body().offset();
    for (Field child : group.children()) {
      if (child.span().offset() != at || !tiles(child)) {
        return false;
      }
      at = child.span().end();
    }
    return at == group.body().end();
  }

  /** {@code 0000:00:03.0:00.0/virtio-net}: the function behind the root port at slot 3. */
  private static JsonNode function(JsonNode pci, String name) {
    JsonNode devices = pci.get(0).path("devices");
    String[] path = name.substring("0000:00:".length(), name.indexOf('/')).split(":");
    JsonNode found = null;
    for (String step : path) {
      found = null;
      for (JsonNode device : devices) {
        String slot =
            "%02x.%d".formatted(device.path("slot").asInt(), device.path("function").asInt());
        found = slot.equals(step) ? device : found;
      }
      assertTrue(found != null, () -> name + " is not in " + pci);
      devices = found.path("pci_bridge").path("devices");
    }
    return found;
  }

  private static void samePci(DeviceSection device, JsonNode pci) throws IOException {
    String config = "virtio/pci_dev/config/";
    assertEquals(pci.path("id").path("vendor").asLong(), number(device, config + "vendor_id"));
    assertEquals(pci.path("id").path("device").asLong(), number(device, config + "device_id"));
    assertEquals(
        pci.path("class_info").path("class").asLong(), number(device, config + "class_device"));
    for (JsonNode region : pci.path("regions")) {
      int bar = region.path("bar").asInt();
      if (bar == 6 || region.path("address").asLong() == -1) { // the ROM; what is not mapped
        continue;
      }
      long low = number(device, config + "base_address_" + bar);
      long address = low & ((low & 1) != 0 ? ~3L : ~15L);
      if (region.path("mem_type_64").asBoolean()) {
        address |= number(device, config + "base_address_" + (bar + 1)) << 32;
      }
      assertEquals(region.path("address").asLong(), address, device.label() + " BAR " + bar);
    }
  }

  /** QEMU does not say where its devices are plugged, so they meet by kind, in order. */
  private static void sameVirtio(List<DeviceSection> devices, Qmp qmp) throws IOException {
    TreeMap<String, List<String>> expected = new TreeMap<>();
    for (JsonNode device : qmp.execute("x-query-virtio")) {
      expected
          .computeIfAbsent(device.path("name").asText(), name -> new ArrayList<>())
          .add(said(qmp, device.path("path").asText()));
    }
    TreeMap<String, List<String>> found = new TreeMap<>();
    boolean driven = false;
    for (DeviceSection device : devices) {
      String name = device.name().substring(device.name().lastIndexOf('/') + 1);
      name = name.equals("virtio-console") ? "virtio-serial" : name;
      found.computeIfAbsent(name, key -> new ArrayList<>()).add(read(device));
      driven |= (number(device, "virtio/status") & DRIVER_OK) != 0;
    }
    expected.values().forEach(list -> list.sort(null));
    found.values().forEach(list -> list.sort(null));
    assertEquals(expected, found);
    assertTrue(driven, "no driver is at work");
  }

  private static String said(Qmp qmp, String path) throws IOException {
    JsonNode status = qmp.execute("x-query-virtio-status", Qmp.arguments().put("path", path));
    StringBuilder text = new StringBuilder();
    for (String bit : List.of("ACKNOWLEDGE", "DRIVER", "DRIVER_OK", "FEATURES_OK")) {
      boolean set = status.path("status").path("statuses").toString().contains("_S_" + bit + ":");
      text.append(set ? bit + " " : "");
    }
    text.append(status.path("isr").asLong()).append(' ');
    text.append(status.path("queue-sel").asLong()).append(' ');
    // QEMU names the features; how many it knows by name differs, VERSION_1 it always does.
    String features = status.path("guest-features").toString();
    text.append(features.contains("VIRTIO_F_VERSION_1") ? "VERSION_1" : "legacy");
    int queues = status.path("num-vqs").asInt();
    for (int i = 0; i < queues; i++) {
      JsonNode queue =
          qmp.execute(
              "x-query-virtio-queue-status", Qmp.arguments().put("path", path).put("queue", i));
      text.append(
          " %d@%x,%x,%x+%d"
              .formatted(
                  queue.path("vring-num").asLong(),
                  queue.path("vring-desc").asLong(),
                  queue.path("vring-avail").asLong(),
                  queue.path("vring-used").asLong(),
                  queue.path("last-avail-idx").asLong()));
    }
    return text.toString();
  }

  private static String read(DeviceSection device) throws IOException {
    StringBuilder text = new StringBuilder();
    FieldPath status = FieldPath.in(device, "virtio/status");
    String bits = Meanings.of(status).orElseThrow().format(number(device, "virtio/status"));
    for (String bit : List.of("ACKNOWLEDGE", "DRIVER", "DRIVER_OK", "FEATURES_OK")) {
      text.append(List.of(bits.split("\\|")).contains(bit) ? bit + " " : "");
    }
    text.append(number(device, "virtio/isr")).append(' ');
    text.append(number(device, "virtio/queue_sel")).append(' ');
    String all = "virtio/virtio/64bit_features/guest_features";
    text.append((number(device, all) >>> 32 & 1) != 0 ? "VERSION_1" : "legacy");
    long queues = number(device, "virtio/nvqs");
    assertFalse(queues == 0);
    for (int i = 0; i < queues; i++) {
      String rings = "virtio/virtio/virtqueues/vq[%d]/vring.".formatted(i);
      text.append(
          " %d@%x,%x,%x+%d"
              .formatted(
                  number(device, "virtio/vq[%d]/vring.num".formatted(i)),
                  number(device, "virtio/vq[%d]/vring.desc".formatted(i)),
                  number(device, rings + "avail"),
                  number(device, rings + "used"),
                  number(device, "virtio/vq[%d]/last_avail_idx".formatted(i))));
    }
    return text.toString();
  }

  private static long number(DeviceSection device, String path) throws IOException {
    Optional<Field> field = Optional.of(FieldPath.in(device, path).field());
    return ((Field.Scalar) field.get()).value();
  }
}
