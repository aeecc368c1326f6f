package dev.vmstate.cli.guest;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.fasterxml.jackson.databind.JsonNode;
import dev.vmstate.qemu.QemuException;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * New addresses for the cards of machines that no guest has touched, as QEMU takes them.
 *
 * <p>What QEMU's monitor shows of them right after loading (5.2, 7.2, 10.0, 11.1): "info network"
 * the command line's address, whatever the model, until the guest's driver writes the card's
 * registers; "query-rx-filter" the snapshot's, but it knows virtio-net alone. The registers
 * themselves and the next snapshot hold the new one.
 */
@Tag("qemu")
class NicAddressTest {
  private static final String OLD = "52:54:00:0d:0d:01";
  private static final String NEW = "52:54:00:ee:ee:02";

  private static final List<String> EVERY_PC_CARD =
      List.of(
          "e1000-82544gc",
          "e1000-82545em",
          "i82550",
          "i82551",
          "i82557a",
          "i82557b",
          "i82557c",
          "i82558a",
          "i82558b",
          "i82559a",
          "i82559b",
          "i82559c",
          "i82559er",
          "i82562",
          "i82801",
          "tulip",
          "pcnet",
          "ne2k_pci",
          "virtio-net-pci-transitional",
          "virtio-net-pci-non-transitional");

  @TempDir private Path folder;

  @ParameterizedTest(name = "{0} on {1}, started with mac={2}")
  @CsvSource({
    "e1000, pc, " + OLD,
    "e1000e, q35, " + OLD,
    "rtl8139, pc, " + OLD,
    "virtio-net-pci, pc, " + OLD,
    "vmxnet3, q35, " + NEW,
  })
  void aCardLoadedWithANewAddressIsSavedWithIt(String model, String machine, String mac)
      throws Exception {
    assertIsSavedWithTheNewAddress(GuestMachine.hostQemu(), model, machine, mac);
  }

  @Tag("matrix")
  @ParameterizedTest(name = "QEMU {0}")
  @ValueSource(strings = {"5.2", "10.0", "11.1"})
  void otherVersionsOfQemuTakeThemToo(String version) throws Exception {
    List<String> qemu = GuestMachine.cachedQemu(version);
    assertIsSavedWithTheNewAddress(qemu, "e1000e", "q35", OLD);
    assertIsSavedWithTheNewAddress(qemu, "vmxnet3", "q35", NEW);
    assertAllAreSavedWithNewAddresses(
        qemu, List.of("e1000", "rtl8139", "virtio-net-pci", "i82550", "tulip"));
    if (!version.equals("5.2")) { // igb came with 8.0, and 5.2 is the only one here that is older
      assertIsSavedWithTheNewAddress(qemu, "igb", "q35", OLD);
    }
  }

  @Test
  void severalOldCardsOfOneMachineAreSavedWithTheirNewAddresses() throws Exception {
    List<String> models = List.of("i82559er", "tulip", "pcnet", "ne2k_isa");
    assertAllAreSavedWithNewAddresses(GuestMachine.hostQemu(), models);
  }

  @Tag("matrix")
  @Test
  void soIsEveryCard() throws Exception {
    assertAllAreSavedWithNewAddresses(GuestMachine.hostQemu(), EVERY_PC_CARD);
  }

  private void assertAllAreSavedWithNewAddresses(List<String> qemu, List<String> models)
      throws Exception {
    GuestMachine machine = new GuestMachine(qemu, "pc", "16M");
    for (int i = 0; i < models.size(); i++) {
      machine.card(models.get(i), "52:54:00:0d:0e:%02x".formatted(i));
    }
    Path snapshot = folder.resolve("several.mig");
    try (Machine fresh = Machine.fresh(machine.words())) {
      fresh.save(snapshot);
    }
    Set<String> wanted = new TreeSet<>();
    for (int i = 0; i < models.size(); i++) {
      String mac = "52:54:00:ee:ef:%02x".formatted(i);
      wanted.add(mac);
      Vmstate.run("set-mac", snapshot, "52:54:00:0d:0e:%02x".formatted(i), mac, "--in-place");
    }
    Path after = folder.resolve("several-after.mig");
    try (Machine loaded = Machine.loaded(machine.words(), snapshot)) {
      loaded.save(after);
    }
    assertEquals(wanted, new TreeSet<>(macs(after)));
    for (int i = 0; i < models.size(); i++) {
      CardChecksums.assertHold(models.get(i), i + 2, after);
    }
  }

  private void assertIsSavedWithTheNewAddress(
      List<String> qemu, String model, String machine, String mac) throws Exception {
    Path edited = edited(qemu, model, machine);
    Path after = folder.resolve("after.mig");
    try (Machine loaded = Machine.loaded(words(qemu, model, machine, mac), edited)) {
      if (model.equals("virtio-net-pci")) {
        assertEquals(NEW, NicRegisters.rxFilter(loaded.qmp()));
      }
      loaded.save(after);
    }
    assertEquals(List.of(NEW), macs(after));
    JsonNode again = Vmstate.run("set-mac", "--dry-run", "--json", after, NEW, NEW).json();
    assertEquals(0, again.path("fields").size(), again::toString);
    CardChecksums.assertHold(model, 2, after);
  }

  /** QEMU makes the serial number of the command line's address and compares it while loading. */
  @ParameterizedTest(name = "{0} on {1}, started with mac={2}")
  @CsvSource({
    "e1000e, q35, " + NEW,
    "vmxnet3, q35, " + OLD,
  })
  void aPciExpressCardHasToBeStartedWithTheAddressOfItsSerialNumber(
      String model, String machine, String mac) throws Exception {
    List<String> qemu = GuestMachine.hostQemu();
    Path edited = edited(qemu, model, machine);
    List<String> words = words(qemu, model, machine, mac);
    assertThrows(QemuException.class, () -> Machine.loaded(words, edited).close());
  }

  private Path edited(List<String> qemu, String model, String machine) throws Exception {
    Path before = folder.resolve("before.mig");
    try (Machine fresh = Machine.fresh(words(qemu, model, machine, OLD))) {
      fresh.save(before);
    }
    assertEquals(List.of(OLD), macs(before));
    Path edited = folder.resolve("edited.mig");
    Vmstate.run("set-mac", before, OLD, NEW, "-o", edited);
    return edited;
  }

  private static List<String> words(List<String> qemu, String model, String machine, String mac) {
    return new GuestMachine(qemu, machine, "16M").card(model, mac).words();
  }

  private static List<String> macs(Path snapshot) throws Exception {
    return Vmstate.run("nics", "--json", snapshot).json().findValuesAsText("mac");
  }
}
