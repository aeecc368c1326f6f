package dev.vmstate.cli.guest;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import dev.vmstate.qemu.QemuException;
import dev.vmstate.qemu.Qmp;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Tables that a real firmware made, edited, and looked at through QEMU's monitor. */
@Tag("qemu")
class FirmwareTablesTest {
  private static final String OLD = "c7b57cf4-9a0b-4c3e-8f4d-2f1f0a6d5b11";
  private static final String NEW = "00112233-4455-6677-8899-aabbccddeeff";
  private static final String OLD_ID = "11111111-2222-3333-4444-555555555555";
  private static final Pattern BYTE = Pattern.compile("\\b0x([0-9a-f]{2})\\b");

  @TempDir private Path folder;

  private static List<String> words(String uuid, String id, Path log) {
    return new GuestMachine(GuestMachine.hostQemu(), "pc", "32M")
        .with("-uuid", uuid, "-smbios", "type=1,serial=SER123456", "-debugcon", "file:" + log)
        .with("-global", "isa-debugcon.iobase=0x402", "-device", "vmgenid,guid=" + id)
        .words();
  }

  /** A machine whose firmware has looked for something to boot, and saved with its UUID. */
  private Path booted() throws Exception {
    Path log = folder.resolve("firmware.log");
    Path snapshot = folder.resolve("vm.mig");
    try (Machine machine = Machine.fresh(words(OLD, OLD_ID, log))) {
      machine.run();
      while (!Files.exists(log) || !Files.readString(log).contains("No bootable device")) {
        machine.qmp().execute("query-status"); // throws when QEMU has ended
      }
      machine.stop();
      machine.capabilities(List.of("validate-uuid"));
      machine.save(snapshot);
    }
    return snapshot;
  }

  @Test
  void qemuShowsTheEditedTablesAndTheirChecksumsHold() throws Exception {
    Path snapshot = booted();
    Path edited = folder.resolve("edited.mig");
    JsonNode report =
        Vmstate.run(
                "set",
                snapshot,
                "uuid=" + NEW,
                "smbios.serial=ABC",
                "vmgenid=" + NEW,
                "acpi.FACP.oem_id=VENDOR",
                "acpi.APIC[0x28]=0",
                "-o",
                edited,
                "--json")
            .json();
    Path log = folder.resolve("second.log");
    Machine.Loading loading =
        machine -> {
          machine.capabilities(List.of("validate-uuid"));
          machine.load("exec:cat '%s'".formatted(edited));
        };
    assertThrows(
        QemuException.class, () -> Machine.loaded(words(OLD, OLD_ID, log), loading).close());
    try (Machine loaded = Machine.loaded(words(NEW, OLD_ID, log), loading)) {
      Qmp qmp = loaded.qmp();
      assertEquals(
          List.of(0x33, 0x22, 0x11, 0x00, 0x55, 0x44, 0x77, 0x66),
          memory(qmp, at(report, "SMBIOS type 1, UUID"), 8));
      assertEquals(
          List.of(0x41, 0x42, 0x43, 0x20), memory(qmp, at(report, "SMBIOS type 1, serial"), 4));
      long facp = at(report, "ACPI FACP.oem_id") - 10;
      assertEquals(0x56, memory(qmp, facp + 10, 1).get(0));
      assertEquals(0, sum(qmp, facp));
      long apic = at(report, "ACPI APIC[0x28]") - 0x28;
      assertEquals(0, memory(qmp, apic + 0x28, 1).get(0));
      assertEquals(0, sum(qmp, apic));
      // QEMU has put its own there: the report says so
      assertEquals(0x11, memory(qmp, at(report, "vmgenid"), 1).get(0));
      assertTrue(report.path("notChanged").toString().contains("-device vmgenid"));
    }
  }

  private static long at(JsonNode report, String what) {
    for (JsonNode value : report.path("metadata")) {
      String path = value.path("path").asText();
      if (path.startsWith(what + ", at 0x")) {
        return Long.parseLong(path.substring(path.lastIndexOf("0x") + 2), 16);
      }
    }
    throw new AssertionError("no " + what + " in " + report);
  }

  private static int sum(Qmp qmp, long table) throws Exception {
    int length = 0;
    for (int i = 3; i >= 0; i--) {
      length = length << 8 | memory(qmp, table + 4 + i, 1).get(0);
    }
    return memory(qmp, table, length).stream().mapToInt(Integer::intValue).sum() & 0xff;
  }

  private static List<Integer> memory(Qmp qmp, long address, int length) throws Exception {
    String command = "xp /%dxb 0x%x".formatted(length, address);
    Matcher matcher =
        BYTE.matcher(
            qmp.execute("human-monitor-command", Qmp.arguments().put("command-line", command))
                .asText()
                .replaceAll("(?m)^[0-9a-f]+:", ""));
    List<Integer> bytes = new ArrayList<>();
    while (matcher.find()) {
      bytes.add(Integer.parseInt(matcher.group(1), 16));
    }
    assertEquals(length, bytes.size());
    return bytes;
  }
}
