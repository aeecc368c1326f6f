package dev.vmstate.cli.guest;

import dev.vmstate.cli.guest.BootedGuest.Home;
import dev.vmstate.cli.guest.SavedGuest.Row;
import dev.vmstate.qemu.Qmp;
import java.util.List;
import java.util.regex.Pattern;

/**
 * Which QEMU saves in which way: each row is there for something that no other row has. {@code
 * -Dvmstate.rows=REGEX} leaves only rows with that in their name.
 */
final class Ways {
  private static final Home HOST = new Home(Home.HOST, "pc");
  private static final Home QEMU_5_2 = new Home("5.2", "pc");
  private static final Home QEMU_10_0 = new Home("10.0", "pc");
  private static final Home QEMU_11_1 = new Home("11.1", "pc");

  private static final List<Row> ON_EVERY_BUILD =
      List.of(
          new Row(HOST, xbzrle()),
          new Row(HOST, backgroundSnapshot()),
          new Row(HOST, new StreamWay().undescribed(",suppress-vmdesc=on")),
          new Row(HOST, new StreamWay().through("zstd -q -1", "zstd -dc", "zstd")),
          new Row(HOST, new SavevmWay("")));

  private static final List<Row> SAME_EDITS =
      List.of(
          new Row(HOST, new StreamWay().through("xz -0", "xz -dc", "xz-utils")),
          new Row(HOST, new StreamWay().through("lz4 -q", "lz4 -dc", "lz4")),
          new Row(HOST, withDirtyBitmap()),
          new Row(QEMU_10_0, mappedRam().running()),
          new Row(QEMU_10_0, new StreamWay().intoFileAt(8192)),
          new Row(QEMU_11_1, xbzrle()));

  private static final List<Row> MATRIX =
      List.of(
          new Row(HOST, new StreamWay().followedBy(70_000)),
          new Row(new Home(Home.HOST, "pc-i440fx-2.3"), new StreamWay()),
          new Row(new Home(Home.HOST, "pc-i440fx-2.2"), new StreamWay().undescribed("")),
          new Row(HOST, compress()),
          new Row(HOST, withDiskContents()),
          new Row(HOST, withDirtyBitmap()),
          new Row(HOST, new StreamWay().through("gzip -1", "gzip -dc", "gzip")),
          new Row(HOST, new StreamWay().through("xz -0", "xz -dc", "xz-utils")),
          new Row(HOST, new StreamWay().through("lz4 -q", "lz4 -dc", "lz4")),
          new Row(HOST, new SavevmWay("compat=0.10")),
          new Row(HOST, new SavevmWay("cluster_size=4096")),
          new Row(HOST, new SavevmWay("extended_l2=on")),
          new Row(HOST, new SavevmWay("").loadedAgain()),
          new Row(QEMU_5_2, new SavevmWay("")),
          new Row(QEMU_5_2, compress().running().with("xbzrle")),
          new Row(QEMU_10_0, mappedRam()),
          new Row(QEMU_10_0, mappedRam().running()),
          new Row(QEMU_10_0, mappedRam().with("multifd")),
          new Row(QEMU_10_0, new StreamWay().intoFile().set("mode", "cpr-reboot")),
          new Row(QEMU_10_0, mappedRam().intoFileAt(5000)),
          new Row(QEMU_10_0, new StreamWay().intoFileAt(8192)),
          new Row(QEMU_11_1, new SavevmWay("")),
          new Row(QEMU_11_1, new SavevmWay("").with("mapped-ram")),
          new Row(QEMU_11_1, mappedRam().with("multifd")),
          new Row(QEMU_11_1, xbzrle()),
          new Row(QEMU_11_1, backgroundSnapshot()));

  /**
   * Of these, those whose edits are not of the same kind as another row's: a build has to end, and
   * every row costs a guest that is loaded again.
   */
  private static final List<Row> MATRIX_OF_EDITS =
      MATRIX.stream()
          .filter(row -> SAME_EDITS.stream().noneMatch(s -> s.toString().equals(row.toString())))
          .toList();

  private static StreamWay xbzrle() {
    return new StreamWay().running().with("xbzrle").counting("xbzrle-cache", "pages");
  }

  private static StreamWay backgroundSnapshot() {
    return new StreamWay().running().savedWith("background-snapshot");
  }

  private static StreamWay compress() {
    return new StreamWay().with("compress").counting("compression", "pages");
  }

  /** Block migration, which 9.1 dropped. */
  private static StreamWay withDiskContents() {
    return new StreamWay().savedWith("block").containing("\u0005block");
  }

  private static StreamWay withDirtyBitmap() {
    return new StreamWay()
        .with("dirty-bitmaps")
        .containing("\u000cdirty-bitmap")
        .after(
            source ->
                source
                    .qmp()
                    .execute(
                        "block-dirty-bitmap-add",
                        Qmp.arguments().put("node", "d0").put("name", "changed")));
  }

  private static StreamWay mappedRam() {
    return new StreamWay().intoFile().with("mapped-ram");
  }

  private Ways() {}

  /** With this host's QEMU, on every build. */
  static List<Row> onEveryBuild() {
    return named(ON_EVERY_BUILD);
  }

  /** Also with QEMU 5.2 to 11.1, in CI. */
  static List<Row> matrix() {
    return named(MATRIX);
  }

  /** The same for edits. */
  static List<Row> matrixOfEdits() {
    return named(MATRIX_OF_EDITS);
  }

  private static List<Row> named(List<Row> rows) {
    Pattern wanted = Pattern.compile(System.getProperty("vmstate.rows", ""));
    return rows.stream().filter(row -> wanted.matcher(row.toString()).find()).toList();
  }
}
