package dev.vmstate.cli.guest;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import dev.vmstate.cli.guest.BootedGuest.Home;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** What a guest has mounted and open, and its network, by its kernel's own structures. */
@Tag("qemu")
@Tag("linux")
class GuestFilesTest {
  private static JsonNode ask(String command) throws Exception {
    BootedGuest guest = BootedGuest.at(new Home(Home.HOST, "pc"));
    return Vmstate.run(command, guest.stopped(), "--json").json();
  }

  private static JsonNode with(JsonNode array, String member, String value) {
    for (JsonNode each : array) {
      if (each.path(member).asText().equals(value)) {
        return each;
      }
    }
    throw new AssertionError("no %s %s in %s".formatted(member, value, array));
  }

  @Test
  void initsMountsAreThere() throws Exception {
    JsonNode mounts = ask("mounts").path("namespaces").path(0).path("mounts");
    assertEquals("rootfs", with(mounts, "mountPoint", "/").path("type").asText());
    assertEquals("proc", with(mounts, "mountPoint", "/proc").path("type").asText());
  }

  @Test
  void initHasItsProgramAndTheConsole() throws Exception {
    JsonNode init = with(ask("files").path("processes"), "pid", "1");
    assertEquals("/init", init.path("exe").asText());
    assertEquals("/", init.path("root").asText());
    JsonNode console = with(init.path("files"), "fd", "1");
    assertEquals("/dev/ttyS0", console.path("name").asText());
    assertEquals("4:64", console.path("special").asText());
    assertEquals("CHR", console.path("type").asText());
    assertTrue(console.path("writable").asBoolean(), console.toString());
  }

  @Test
  void theCardIsAnInterface() throws Exception {
    JsonNode interfaces = ask("net").path("namespaces").path(0).path("interfaces");
    JsonNode card = with(interfaces, "mac", BootedGuest.MAC);
    assertEquals("virtio_net", card.path("driver").asText());
    assertTrue(card.path("nic").asText().endsWith("/virtio-net"), card.toString());
    JsonNode loopback = with(interfaces, "name", "lo");
    assertEquals("[\"LOOPBACK\"]", loopback.path("flags").toString(), "init never ups it");
  }
}
