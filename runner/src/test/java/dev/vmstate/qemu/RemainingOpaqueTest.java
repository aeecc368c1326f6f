package dev.vmstate.qemu;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vmstate.bytes.Progress;
import dev.vmstate.device.DeviceSection;
import dev.vmstate.fixtures.RequiredTool;
import dev.vmstate.snapshot.StreamSnapshot;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeMap;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What stays opaque of the installed QEMU's devices: the list in docs/formats/devices.md. */
@Tag("qemu")
class RemainingOpaqueTest {
  private static final String DISK = "if=none,driver=null-co,size=1048576,id=";

  @TempDir Path dir;

  private static TreeMap<String, Long> opaque(Path file) throws IOException {
    TreeMap<String, Long> opaque = new TreeMap<>();
    try (StreamSnapshot snapshot = StreamSnapshot.open(file)) {
      assertTrue(snapshot.devices().size() > 20);
      for (DeviceSection device : snapshot.devices()) {
        if (device.opaqueBytes() > 0) {
          opaque.put(device.label(), device.opaqueBytes());
        }
      }
    }
    return opaque;
  }

  private Path save(String... options) throws IOException {
    RequiredTool.require("qemu-system-x86_64", "qemu-system-x86");
    List<String> words = new ArrayList<>(List.of("qemu-system-x86_64", "-accel", "tcg"));
    words.addAll(List.of("-nodefaults", "-m", "64"));
    words.addAll(List.of(options));
    Path file = dir.resolve("all.mig");
    try (QemuProcess qemu = QemuProcess.startFresh(new QemuCommand(words))) {
      new LoadAndSave(qemu, Progress.NONE).save(file);
    }
    return file;
  }

  private static String[] devices(String machine, String drives, String... devices) {
    List<String> words = new ArrayList<>(List.of("-machine", machine, "-audiodev", "none,id=a"));
    words.addAll(List.of("-netdev", "user,id=n"));
    for (String drive : drives.split(" ")) {
      words.addAll(List.of("-drive", DISK + drive));
    }
    for (String device : devices) {
      words.addAll(List.of("-device", device));
    }
    return words.toArray(new String[0]);
  }

  @Test
  void nothingOfAPc() throws IOException {
    assertEquals(
        new TreeMap<>(),
        opaque(
            save(
                devices(
                    "pc",
                    "d0 d1",
                    "e1000,netdev=n",
                    "rtl8139",
                    "pcnet",
                    "ne2k_pci",
                    "i82559er",
                    "tulip",
                    "vmxnet3",
                    "pci-bridge,chassis_nr=2",
                    "ich9-usb-ehci1",
                    "piix4-usb-uhci",
                    "qemu-xhci",
                    "AC97,audiodev=a",
                    "virtio-scsi-pci,id=s",
                    "scsi-hd,drive=d0,bus=s.0",
                    "ide-hd,drive=d1",
                    "VGA"))));
  }

  @Test
  void nothingOfAQ35() throws IOException {
    assertEquals(
        new TreeMap<>(),
        opaque(
            save(
                devices(
                    "q35",
                    "d0",
                    "e1000e,netdev=n",
                    "pcie-root-port,id=r,chassis=3",
                    "virtio-net-pci,bus=r",
                    "pcie-pci-bridge",
                    "intel-hda",
                    "hda-duplex,audiodev=a",
                    "ide-hd,drive=d0",
                    "megasas",
                    "intel-iommu",
                    "cirrus-vga"))));
  }
}
