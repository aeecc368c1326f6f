package dev.vmstate.cli.guest;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import dev.vmstate.cli.guest.SavedGuest.Row;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What is written into a snapshot is what the guest has when QEMU takes it back. */
@Tag("qemu")
@Tag("linux")
class SavedEditTest {
  @TempDir private Path folder;

  @ParameterizedTest(name = "{0}", allowZeroInvocations = true)
  @MethodSource("dev.vmstate.cli.guest.Ways#onEveryBuild")
  void theGuestGoesOnWithTheEdits(Row row) throws Exception {
    SavedGuest saved = SavedGuest.of(row);
    Way way = saved.way();
    Path directory = folder.resolve("extracted");
    Vmstate.run("extract", saved.snapshot(), "-o", directory, "--no-symbols");
    assertNothingEditedChangesNothing(saved, directory);

    GuestEdit.writeMemory(saved.guest(), directory.resolve("core.elf"));
    Path file = folder.resolve("edited");
    JsonNode report = Vmstate.run("inject", directory, "-o", file, "--json").json();
    assertEquals(2, report.path("pages").asInt(), report::toString);
    if (way.inPlace()) {
      assertSameInPlace(saved, directory, file);
    }
    String edited = way.in(file);
    if (way.described()) {
      edited = setMac(way, edited);
    }
    if (way instanceof SavevmWay savevm) {
      assertNothingElseChanged(savevm, saved, file);
    }
    try (Machine machine = saved.load(edited)) {
      if (way.described()) {
        assertEquals(GuestEdit.MAC, NicRegisters.rxFilter(machine.qmp()));
      }
      GuestEdit.assertSeenBy(machine, saved);
    }
  }

  @Tag("matrix")
  @ParameterizedTest(name = "{0}", allowZeroInvocations = true)
  @MethodSource("dev.vmstate.cli.guest.Ways#matrixOfEdits")
  void everyGuestGoesOnWithTheEdits(Row row) throws Exception {
    theGuestGoesOnWithTheEdits(row);
  }

  private void assertNothingEditedChangesNothing(SavedGuest saved, Path directory)
      throws Exception {
    Path again = folder.resolve("again");
    Vmstate.run("inject", directory, "-o", again);
    if (saved.way().inPlace()) {
      assertEquals(-1, Files.mismatch(saved.file(), again));
    }
    Files.delete(again);
  }

  /** In place, the same bytes change as in a copy, and undo brings back the old ones. */
  private void assertSameInPlace(SavedGuest saved, Path directory, Path edited) throws Exception {
    String copy = saved.copy(folder);
    Path file = saved.way().file(copy);
    Vmstate.run("inject", directory, "--snapshot", copy, "--in-place");
    assertEquals(-1, Files.mismatch(edited, file));
    Vmstate.run("undo", file);
    assertEquals(-1, Files.mismatch(saved.file(), file));
    Files.delete(file);
  }

  private String setMac(Way way, String snapshot) throws Exception {
    if (way.inPlace()) {
      Vmstate.run("set-mac", snapshot, BootedGuest.MAC, GuestEdit.MAC, "--in-place");
      return snapshot;
    }
    Path file = folder.resolve("with-new-address");
    Vmstate refused =
        Vmstate.attempt("set-mac", snapshot, BootedGuest.MAC, GuestEdit.MAC, "--in-place");
    assertTrue(refused.status() == 1 && refused.err().contains("compressed"), refused::err);
    Vmstate.run("set-mac", snapshot, BootedGuest.MAC, GuestEdit.MAC, "-o", file);
    return way.in(file);
  }

  /**
   * QEMU finds no fault in the image; the disk, now and then, and the other snapshot are as before.
   */
  private void assertNothingElseChanged(SavevmWay way, SavedGuest saved, Path edited)
      throws Exception {
    DiskImage.assertSound(edited);
    assertEquals(DiskImage.contents(saved.file()), DiskImage.contents(edited));
    for (String tag : List.of(SavevmWay.TAG, SavevmWay.OTHER)) {
      assertEquals(DiskImage.contentsOf(saved.file(), tag), DiskImage.contentsOf(edited, tag));
    }
    Path before = folder.resolve("other-before.elf");
    Path after = folder.resolve("other-after.elf");
    Path copy = folder.resolve("copy-for-loading");
    Files.copy(saved.file(), copy);
    try (Machine machine = way.load(saved.guest(), copy, SavevmWay.OTHER)) {
      machine.dump(before);
    }
    Files.copy(edited, copy, StandardCopyOption.REPLACE_EXISTING);
    try (Machine machine = way.load(saved.guest(), copy, SavevmWay.OTHER)) {
      machine.dump(after);
    }
    try (ElfDump was = new ElfDump(before);
        ElfDump is = new ElfDump(after)) {
      is.assertSameMemory(was);
    }
    DiskImage.assertSound(copy);
    Files.delete(copy);
  }
}
