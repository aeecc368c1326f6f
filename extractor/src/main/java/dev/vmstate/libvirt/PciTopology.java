package dev.vmstate.libvirt;

import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Where a PCI function sits, as libvirt and as QEMU say it. libvirt numbers buses by the controller
 * that makes them ({@code <controller type='pci' index='1' model='pcie-root-port'>} is bus 1, and
 * its own address tells where it hangs). QEMU chains slots from the root bus down ({@code
 * 0000:00:02.0:00.0}: function 0 of slot 0 behind the root port at slot 2).
 *
 * <p>Source of the chain: QEMU {@code hw/pci/pci.c}, pcibus_get_dev_path.
 */
final class PciTopology {
  private static final int MOST_HOPS = 32;

  private final Map<Integer, Controller> buses = new HashMap<>();

  /** A controller while its element is read. */
  static final class Controller {
    private final @Nullable String index;
    private final String model;
    @Nullable Address address;
    @Nullable String busNumber;

    Controller(@Nullable String index, @Nullable String model) {
      this.index = index;
      this.model = model == null ? "" : model;
    }
  }

  /** An {@code <address type='pci'>}. */
  record Address(int domain, int bus, int slot, int function) {
    static @Nullable Address of(
        @Nullable String domain,
        @Nullable String bus,
        @Nullable String slot,
        @Nullable String function) {
      Integer d = number(domain == null ? "0" : domain, 0xffff);
      Integer b = number(bus == null ? "0" : bus, 0xff);
      Integer s = number(slot == null ? "0" : slot, 0x1f);
      Integer f = number(function == null ? "0" : function, 7);
      return d == null || b == null || s == null || f == null ? null : new Address(d, b, s, f);
    }
  }

  void add(Controller controller) {
    Integer index = controller.index == null ? null : number(controller.index, 0xff);
    if (index != null) {
      buses.putIfAbsent(index, controller);
    }
  }

  /** QEMU's path of the function at {@code address}; empty where the controllers do not tell. */
  Optional<String> path(Address address) {
    StringBuilder tail = new StringBuilder();
    Address at = address;
    for (int hops = 0; hops < MOST_HOPS; hops++) {
      tail.insert(0, ":%02x.%x".formatted(at.slot(), at.function()));
      Controller bus = buses.get(at.bus());
      if (bus == null || bus.model.endsWith("-root")) {
        // The root is bus 0, and machines that say nothing of it have one.
        return at.bus() == 0
            ? Optional.of("%04x:00%s".formatted(at.domain(), tail))
            : Optional.empty();
      }
      if (bus.model.equals("pcie-expander-bus")) {
        Integer number = bus.busNumber == null ? null : number(bus.busNumber, 0xff);
        return number == null
            ? Optional.empty()
            : Optional.of("%04x:%02x%s".formatted(at.domain(), number, tail));
      }
      if (bus.model.endsWith("expander-bus") || bus.address == null) {
        return Optional.empty();
      }
      at = bus.address;
    }
    return Optional.empty();
  }

  /** A decimal or 0x number up to {@code most}; null for anything else. */
  private static @Nullable Integer number(String text, int most) {
    try {
      int value = Integer.decode(text.strip());
      return value < 0 || value > most ? null : value;
    } catch (NumberFormatException e) {
      return null;
    }
  }
}
