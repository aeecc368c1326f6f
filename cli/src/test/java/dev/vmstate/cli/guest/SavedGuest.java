package dev.vmstate.cli.guest;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;

/**
 * A guest, saved in one way, and what is true of it.
 *
 * @param guest who was saved
 * @param way how
 * @param snapshot as our command line takes it; not to be written to
 * @param dump QEMU's own dump of the same moment
 * @param registers as QEMU's monitor showed them then
 */
record SavedGuest(
    BootedGuest guest, Way way, String snapshot, Path dump, Map<String, Long> registers) {
  private static final Map<Row, SavedGuest> SAVED = new HashMap<>();

  /**
   * One line of the table: who is saved, and how.
   *
   * @param home the guest
   * @param way its form
   */
  record Row(BootedGuest.Home home, Way way) {
    @Override
    public String toString() {
      return home + ": " + way.name();
    }
  }

  /** Saves it unless that was done for another test. */
  static synchronized SavedGuest of(Row row) throws Exception {
    SavedGuest saved = SAVED.get(row);
    if (saved == null) {
      saved = save(BootedGuest.at(row.home()), row);
      SAVED.put(row, saved);
    }
    return saved;
  }

  private static SavedGuest save(BootedGuest guest, Row row) throws Exception {
    Path folder = SharedFolder.of(row.toString());
    String snapshot = row.way().save(guest, folder);
    if (!row.way().ranOn()) {
      return new SavedGuest(guest, row.way(), snapshot, guest.dump(), guest.registers());
    }
    // Under TCG, QEMU up to 7.2 loses some pages dirtied while it saves: what it reads back counts.
    Path dump = folder.resolve("dump.elf");
    Path copy = Files.copy(row.way().file(snapshot), folder.resolve("to-be-loaded"));
    try (Machine machine = row.way().load(guest, row.way().in(copy))) {
      machine.dump(dump);
      return new SavedGuest(guest, row.way(), snapshot, dump, machine.registers(0));
    } finally {
      Files.delete(copy);
    }
  }

  Path file() {
    return way.file(snapshot);
  }

  /** A copy of the file, to write to, as our command line takes it. */
  String copy(Path folder) throws IOException {
    return way.in(Files.copy(file(), folder.resolve("copy-of-" + file().getFileName())));
  }

  /** A paused machine with this or an edited snapshot of the same form in it. */
  Machine load(String other) throws IOException {
    return way.load(guest, other);
  }
}
