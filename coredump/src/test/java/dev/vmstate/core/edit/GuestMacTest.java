package dev.vmstate.core.edit;

import static dev.vmstate.core.edit.HandNet.device;
import static dev.vmstate.core.edit.HandNet.entry;
import static dev.vmstate.core.objects.HandKernel.DIRECT;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vmstate.core.objects.KernelObjects;
import dev.vmstate.core.objects.RbTree;
import dev.vmstate.firmware.TableEdit;
import dev.vmstate.nic.MacAddress;
import java.io.IOException;
import java.util.HexFormat;
import java.util.List;
import org.junit.jupiter.api.Test;

class GuestMacTest {
  private static final MacAddress OLD = MacAddress.parse("52:54:00:12:34:56");
  private static final MacAddress NEW = MacAddress.parse("52:54:00:ff:ee:dd");
  private static final MacAddress MIDDLE = MacAddress.parse("52:54:00:80:00:00");
  private static final MacAddress OTHER = MacAddress.parse("52:54:00:12:34:57");

  private final HandNet guest = new HandNet();
  private final WrittenRam memory = new WrittenRam(guest.kernel.ram());

  private GuestMac change() throws IOException {
    return GuestMac.change(guest.kernel.objects(), memory, OLD, NEW);
  }

  private byte[] bytes(long address) throws IOException {
    return memory.read(address - DIRECT, 6);
  }

  @Test
  void everyCopyOfOneInterfaceChanges() throws IOException {
    guest.device(0, "eth0", OLD.bytes()).device(1, "eth1", OTHER.bytes());
    guest.kernel.put(device(0), "net_device", "priv_len", 0x100);
    guest.kernel.bytes(device(0) + 0x2fa, OLD.bytes()); // the last six of the private area
    guest.kernel.bytes(device(0) + 0x300, OLD.bytes()); // behind it
    GuestMac changed = change();
    for (long at : List.of(entry(0, 0) + 40, device(0) + 0x30, device(0) + 0x50)) {
      assertArrayEquals(NEW.bytes(), bytes(at));
    }
    assertArrayEquals(NEW.bytes(), bytes(device(0) + 0x2fa));
    assertArrayEquals(OLD.bytes(), bytes(device(0) + 0x300));
    assertArrayEquals(OTHER.bytes(), bytes(entry(1, 0) + 40));
    assertEquals(
        List.of(
            "eth0: dev_addr, dev_addrs, dev_addr_shadow, perm_addr",
            "eth0: its driver's own copy, private area + 0xfa"),
        changed.edits().stream().map(TableEdit::path).toList());
    assertEquals(List.of(), changed.limits());
  }

  @Test
  void interfacesThatInheritedTheAddressChangeToo() throws IOException {
    guest.device(0, "eth0", OLD.bytes()).device(1, "eth0.5", OLD.bytes());
    guest.kernel.put(device(0), "net_device", "priv_len", 8);
    guest.kernel.put(device(1), "net_device", "priv_flags", 1 << 9);
    GuestMac changed = change();
    assertArrayEquals(NEW.bytes(), bytes(entry(0, 0) + 40));
    assertArrayEquals(NEW.bytes(), bytes(entry(1, 0) + 40));
    assertEquals(2, changed.edits().size());
    assertTrue(changed.limits().stream().anyMatch(l -> l.startsWith("eth0.5 is a port")));
  }

  @Test
  void theTreeOfAddressesIsInOrderAfterwardsAndHasItsShape() throws IOException {
    guest.device(0, "eth0", OLD.bytes(), OTHER.bytes(), MIDDLE.bytes());
    guest
        .node(entry(0, 1), 0, 1, entry(0, 0), entry(0, 2)) // OLD < OTHER < MIDDLE
        .node(entry(0, 0), entry(0, 1), 0, 0, 0)
        .node(entry(0, 2), entry(0, 1), 0, 0, 0);
    guest.kernel.word(device(0) + 0x70 + 24, entry(0, 1) + 16);
    change();
    KernelObjects objects = guest.kernel.objects();
    RbTree tree = RbTree.of(objects, device(0) + 0x70 + 24, 10);
    assertEquals(List.of(entry(0, 1) + 16, entry(0, 2) + 16, entry(0, 0) + 16), tree.nodes());
    assertEquals(entry(0, 2) + 16, objects.memory().word(device(0) + 0x70 + 24));
    assertEquals(1, objects.memory().word(entry(0, 2) + 16)); // the root is black, has no parent
    assertEquals(entry(0, 2) + 16, objects.memory().word(entry(0, 0) + 16));
    assertEquals(0, objects.memory().word(entry(0, 0) + 32)); // and what was above is below
    assertArrayEquals(NEW.bytes(), bytes(entry(0, 0) + 40));
  }

  @Test
  void aTreeThatIsNoneIsLeftAloneWithEverythingElse() {
    guest.device(0, "eth0", OLD.bytes(), OTHER.bytes());
    guest.node(entry(0, 0), 0, 1, 0, entry(0, 1)).node(entry(0, 1), entry(0, 0), 0, entry(0, 0), 0);
    assertThrows(IOException.class, this::change);
    assertEquals(0, memory.writes());
  }

  @Test
  void withoutThatAddressNothingIsWrittenAndTheOnesThereAreNamed() {
    guest.device(0, "eth0", OTHER.bytes());
    IOException none = assertThrows(IOException.class, this::change);
    assertTrue(none.getMessage().contains("it has eth0 " + OTHER), none::getMessage);
    assertEquals(0, memory.writes());
  }

  @Test
  void anAddressMadeOfTheOldOneIsNamed() throws IOException {
    guest.device(0, "eth0", OLD.bytes());
    long inet6 = DIRECT + 0x300000;
    guest
        .kernel
        .put(device(0), "net_device", "ip6_ptr", inet6)
        .list(inet6 + 8, inet6 + 0x120)
        .bytes(inet6 + 0x100, HexFormat.of().parseHex("fe80000000000000505400fffe123456"));
    assertTrue(
        change()
            .limits()
            .contains(
                "eth0 keeps fe80::5054:ff:fe12:3456, which was made of the old address, until it is taken down and up"));
  }

  @Test
  void aListThatNeverEndsIsNamedAndWhatIsInItChanges() throws IOException {
    guest.device(0, "eth0", OLD.bytes());
    guest.kernel.word(device(0) + 0x10, device(0) + 0x10);
    GuestMac changed = change();
    assertArrayEquals(NEW.bytes(), bytes(entry(0, 0) + 40));
    assertTrue(changed.limits().get(0).startsWith("list of interfaces comes back"));
  }
}
