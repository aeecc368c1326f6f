package dev.vmstate.cli.guest;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.vmstate.cli.guest.SavedGuest.Row;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** The QEMU that wrote a snapshot takes it in every other form too, and has the same guest. */
@Tag("qemu")
@Tag("linux")
class ConvertedGuestTest {
  private static final Way STREAM = new StreamWay();
  private static final Way MAPPED_RAM = new StreamWay().intoFile().with("mapped-ram");
  private static final Way QCOW2 = new SavevmWay("");

  @TempDir private Path folder;

  static Stream<Arguments> onEveryBuild() {
    return Ways.onEveryBuild().stream().map(row -> Arguments.of(row, STREAM));
  }

  static Stream<Arguments> matrix() {
    return Stream.concat(
        Ways.onEveryBuild().stream().map(row -> Arguments.of(row, QCOW2)),
        Ways.matrix().stream().flatMap(ConvertedGuestTest::chosen));
  }

  /** Each row into one form, by its name; with vmstate.rows into all. */
  private static Stream<Arguments> chosen(Row row) {
    List<Arguments> all = targets(row).toList();
    return System.getProperty("vmstate.rows") != null
        ? all.stream()
        : Stream.of(all.get(Math.floorMod(row.toString().hashCode(), all.size())));
  }

  /**
   * A stream is written for every row, or copied; what then becomes of it in a disk is the same.
   */
  private static Stream<Arguments> targets(Row row) {
    List<Way> targets = new ArrayList<>(List.of(STREAM));
    if (List.of("10.0", "11.1").contains(row.home().qemu())) {
      targets.add(MAPPED_RAM);
    }
    if (!row.way().container().equals("qcow2")
        && !row.home().qemu().equals(BootedGuest.Home.HOST)) {
      targets.add(QCOW2);
    }
    return targets.stream().map(to -> Arguments.of(row, to));
  }

  @ParameterizedTest(name = "{0} to {1}", allowZeroInvocations = true)
  @MethodSource("onEveryBuild")
  void qemuTakesItInAnotherForm(Row row, Way to) throws Exception {
    SavedGuest saved = SavedGuest.of(row);
    Path file = folder.resolve("converted");
    List<Object> words = new ArrayList<>(List.of("convert", saved.snapshot(), "-o", file));
    words.addAll(List.of("--to", to.container()));
    if (to == QCOW2) {
      words.addAll(List.of("--disk", saved.guest().disk(), "--name", SavevmWay.TAG));
    }
    Vmstate.run(words.toArray());
    if (to == QCOW2) {
      DiskImage.assertSound(file);
      assertEquals(DiskImage.contents(saved.guest().disk()), DiskImage.contents(file));
    }
    Path dump = folder.resolve("dump.elf");
    try (Machine machine = to.load(saved.guest(), to.in(file))) {
      assertEquals(saved.registers(), machine.registers(0));
      machine.dump(dump);
      try (ElfDump theirs = new ElfDump(dump);
          ElfDump before = new ElfDump(saved.dump())) {
        theirs.assertSameMemory(before);
      }
      GuestEdit.assertGoesOn(machine, saved);
    }
  }

  @Tag("matrix")
  @ParameterizedTest(name = "{0} to {1}", allowZeroInvocations = true)
  @MethodSource("matrix")
  void everyQemuTakesItInAnotherForm(Row row, Way to) throws Exception {
    qemuTakesItInAnotherForm(row, to);
  }
}
