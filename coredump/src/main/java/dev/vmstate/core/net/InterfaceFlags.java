package dev.vmstate.core.net;

import dev.vmstate.core.objects.KernelObject;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;

/** What is set of an interface: {@code dev_get_flags} of net/core/dev.c. */
final class InterfaceFlags {
  private static final String[] STATES = {
    "UNKNOWN", "NOTPRESENT", "DOWN", "LOWERLAYERDOWN", "TESTING", "DORMANT", "UP"
  };

  /** {@code IFF_…} by its bit, include/uapi/linux/if.h. */
  private static final String[] NAMES = {
    "UP", "BROADCAST", "DEBUG", "LOOPBACK", "POINTOPOINT", "NOTRAILERS", "RUNNING", "NOARP",
    "PROMISC", "ALLMULTI", "MASTER", "SLAVE", "MULTICAST", "PORTSEL", "AUTOMEDIA", "DYNAMIC",
    "LOWER_UP", "DORMANT", "ECHO"
  };

  private static final long IFF_RUNNING = 1 << 6;
  private static final long IFF_PROMISC = 1 << 8;
  private static final long IFF_ALLMULTI = 1 << 9;
  private static final long IFF_LOWER_UP = 1 << 16;
  private static final long IFF_DORMANT = 1 << 17;

  /** {@code enum netdev_state_t}. */
  private static final long START = 1;

  private static final long NOCARRIER = 1 << 2;
  private static final long DORMANT = 1 << 4;

  private InterfaceFlags() {}

  static List<String> of(KernelObject device) throws IOException {
    long hidden = IFF_PROMISC | IFF_ALLMULTI | IFF_RUNNING | IFF_LOWER_UP | IFF_DORMANT;
    long flags = device.number("flags") & ~hidden;
    if (device.has("gflags")) {
      flags |= device.number("gflags") & (IFF_PROMISC | IFF_ALLMULTI);
    }
    long state = device.number("state");
    if ((state & START) != 0) {
      long operational = device.number("operstate");
      flags |= operational == 6 || operational == 0 ? IFF_RUNNING : 0;
      flags |= (state & NOCARRIER) == 0 ? IFF_LOWER_UP : 0;
      flags |= (state & DORMANT) != 0 ? IFF_DORMANT : 0;
    }
    List<String> names = new ArrayList<>();
    for (int i = 0; i < NAMES.length; i++) {
      if ((flags >> i & 1) != 0) {
        names.add(NAMES[i]);
      }
    }
    return names;
  }

  static String state(KernelObject device) throws IOException {
    long state = device.number("operstate");
    return state < STATES.length ? STATES[(int) state] : Long.toString(state);
  }

  static boolean carrier(KernelObject device) throws IOException {
    return (device.number("state") & NOCARRIER) == 0;
  }
}
