package dev.vmstate.cli.guest;

import dev.vmstate.cli.guest.BootedGuest.Home;
import dev.vmstate.cli.guest.SavedGuest.Row;
import java.util.List;

/** Which QEMU saves in which way: each row is there for something that no other row has. */
final class Ways {
  private static final Home HOST = new Home(Home.HOST, "pc");
  private static final Home QEMU_5_2 = new Home("5.2", "pc");
  private static final Home QEMU_10_0 = new Home("10.0", "pc");
  private static final Home QEMU_11_1 = new Home("11.1", "pc");

  private static final List<Row> ON_EVERY_BUILD =
      List.of(
          new Row(
              HOST,
              new StreamWay("background-snapshot").running().savedWith("background-snapshot")));

  private static final List<Row> MATRIX =
      List.of(
          new Row(HOST, new StreamWay("followed by other bytes").followedBy(70_000)),
          new Row(new Home(Home.HOST, "pc-i440fx-2.3"), new StreamWay("stopped")),
          new Row(QEMU_10_0, new StreamWay("cpr-reboot").intoFile().set("mode", "cpr-reboot")),
          new Row(
              QEMU_11_1,
              new StreamWay("background-snapshot").running().savedWith("background-snapshot")));

  private Ways() {}

  /** With this host's QEMU, on every build. */
  static List<Row> onEveryBuild() {
    return ON_EVERY_BUILD;
  }

  /** Also with QEMU 5.2 to 11.1, in CI. */
  static List<Row> matrix() {
    return MATRIX;
  }
}
