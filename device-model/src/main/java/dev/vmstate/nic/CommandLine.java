package dev.vmstate.nic;

import java.util.Arrays;

/** What the {@code mac=} of QEMU's command line does to a card whose state is loaded. */
enum CommandLine {
  /** The state wins for good. */
  UNUSED(
      "unused",
      "the mac= of the QEMU command line: it does not matter to this device, whose state wins"),

  /** The device's reset copies it over the state's: virtio_net_reset, ne2000_reset. */
  DEVICE_RESET(
      "device-reset",
      "the mac= of the QEMU command line: a reset of the device (a driver reload) restores that"
          + " one, so give it the new address too"),

  /** A reset of the machine does, one by the driver does not: pcnet_h_reset, gem_reset. */
  MACHINE_RESET(
      "machine-reset",
      "the mac= of the QEMU command line: a reset of the machine (a reboot) restores that one, so"
          + " give it the new address too"),

  /** lan9118_reload_eeprom copies the EEPROM's over the command line's. */
  UNTIL_RELOAD(
      "until-reload",
      "the mac= of the QEMU command line: the device receives by that one until it is reset, so give"
          + " it the new address too"),

  /**
   * e1000e and igb have a PCI Express serial number made of the command line's address, and QEMU
   * compares it while loading ("Bad config data"): it must stay what the command line says.
   */
  SERIAL(
      "serial",
      "the PCI Express serial number: QEMU makes it of the command line's mac= and compares it while"
          + " loading, so leave mac= as it was"),

  /** The device does not migrate the address it uses. */
  ONLY("only", "the address the device uses, which is the mac= of the QEMU command line");

  private final String id;
  private final String limit;

  CommandLine(String id, String limit) {
    this.id = id;
    this.limit = limit;
  }

  static CommandLine of(String id) {
    return Arrays.stream(values())
        .filter(rule -> rule.id.equals(id))
        .findFirst()
        .orElseThrow(() -> new IllegalArgumentException("no rule 'mac= " + id + "'"));
  }

  /** Whether a limit is about the command line. */
  static boolean says(String limit) {
    return Arrays.stream(values()).anyMatch(rule -> rule.limit.equals(limit));
  }

  /** For reports. */
  String limit() {
    return limit;
  }
}
