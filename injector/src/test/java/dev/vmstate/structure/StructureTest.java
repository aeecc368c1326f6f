package dev.vmstate.structure;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vmstate.bytes.Progress;
import dev.vmstate.device.EditSet;
import dev.vmstate.device.FieldPath;
import dev.vmstate.device.FieldValue;
import dev.vmstate.inject.EditPlan;
import dev.vmstate.inject.InPlace;
import dev.vmstate.inject.StructureEdits;
import dev.vmstate.snapshot.StreamLayout;
import dev.vmstate.snapshot.StreamSnapshot;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Each edit makes of one hand-built stream the other one, byte for byte, and back. */
class StructureTest {
  @TempDir Path directory;
  private int files;

  private interface Edit {
    void into(StructureEdits edits) throws IOException;
  }

  private byte[] edited(byte[] stream, Edit edit) throws IOException {
    Path old = Files.write(directory.resolve("old" + files++), stream);
    Path fresh = directory.resolve("new" + files++);
    boolean movesRam = false;
    try (StreamSnapshot snapshot = StreamSnapshot.open(old)) {
      StructureEdits edits = new StructureEdits(snapshot);
      edit.into(edits);
      try (EditPlan plan = plan(snapshot, edits)) {
        plan.writeTo(fresh, Progress.NONE);
        assertArrayEquals(stream, Files.readAllBytes(old), "the old file");
        try {
          plan.inPlace();
        } catch (IOException e) {
          assertTrue(e.getMessage().contains("would have to move"), e.getMessage());
          movesRam = true;
        }
      }
    }
    byte[] after = Files.readAllBytes(fresh);
    if (!movesRam) {
      assertArrayEquals(after, Files.readAllBytes(old), "in place");
      InPlace.undo(old);
    }
    assertArrayEquals(stream, Files.readAllBytes(old), "taken back");
    return after;
  }

  private static EditPlan plan(StreamSnapshot snapshot, StructureEdits edits) {
    return EditPlan.of(snapshot, new EditSet(), Optional.empty(), Optional.of(edits));
  }

  private static byte[] shape(Consumer<Shape> change) {
    Shape shape = new Shape();
    change.accept(shape);
    return shape.build();
  }

  private void there(Consumer<Shape> from, Consumer<Shape> to, Edit edit) throws IOException {
    byte[] after = edited(shape(from), edit);
    assertArrayEquals(shape(to), after);
    Path file = Files.write(directory.resolve("tiles"), after);
    try (StreamSnapshot snapshot = StreamSnapshot.open(file)) {
      StreamLayout layout = snapshot.layout();
      if (layout.vmdesc().isPresent()) {
        assertEquals(StreamLayout.From.BOTH_ENDS, layout.from());
        assertTrue(layout.devices().stream().allMatch(d -> d.note().isEmpty()));
      }
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"q", "pc-i440fx-5.2", "pc-q35-11.1-long"})
  void theMachinesNameChangesWithEverythingThatCountsIt(String name) throws IOException {
    for (boolean mapped : new boolean[] {false, true}) {
      for (boolean told : new boolean[] {false, true}) {
        Consumer<Shape> old =
            shape -> {
              shape.mapped = mapped;
              shape.configurationTold = told;
            };
        Consumer<Shape> fresh = old.andThen(shape -> shape.machine = name);
        there(old, fresh, edits -> MachineName.set(edits, name, "test"));
        there(fresh, old, edits -> MachineName.set(edits, "pc-i440fx-7.2", "test"));
      }
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"m", "qc.ram", "/objects/ram-node0"})
  void aBlockIsRenamedInTheListAndWhereverARecordNamesIt(String name) throws IOException {
    for (boolean mapped : new boolean[] {false, true}) {
      Consumer<Shape> old = shape -> shape.mapped = mapped;
      Consumer<Shape> fresh = old.andThen(shape -> shape.ram = name);
      there(old, fresh, edits -> RamBlocks.rename(edits, "pc.ram", name, "test", Progress.NONE));
      there(fresh, old, edits -> RamBlocks.rename(edits, name, "pc.ram", "test", Progress.NONE));
    }
  }

  @Test
  void aBlockLeavesWithAllItsPages() throws IOException {
    for (boolean mapped : new boolean[] {false, true}) {
      Consumer<Shape> old = shape -> shape.mapped = mapped;
      Consumer<Shape> fresh = old.andThen(shape -> shape.video = false);
      there(old, fresh, edits -> RamBlocks.drop(edits, "vga.vram", "test", Progress.NONE));
      refused(
          "is all of its memory",
          fresh,
          edits -> RamBlocks.drop(edits, "pc.ram", "test", Progress.NONE));
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"t", "TIMER", "0000:00:04.0/timer"})
  void aSectionIsRenamedInItsHeaderAndDescription(String name) throws IOException {
    Consumer<Shape> old = shape -> shape.padding = 100;
    Consumer<Shape> fresh = old.andThen(shape -> shape.timer = name);
    there(old, fresh, edits -> Sections.rename(edits, "timer", name, "test"));
    there(fresh, old, edits -> Sections.rename(edits, name, "timer", "test"));
  }

  @Test
  void aSectionLeavesWithHeaderFooterAndDescription() throws IOException {
    for (boolean mapped : new boolean[] {false, true}) {
      for (boolean vmdesc : new boolean[] {false, true}) {
        Consumer<Shape> old =
            shape -> {
              shape.mapped = mapped;
              shape.vmdesc = vmdesc;
            };
        there(
            old,
            old.andThen(shape -> shape.last = false),
            edits -> Sections.drop(edits, "last", "test"));
      }
    }
  }

  /** The ids of those behind it keep their gap. */
  @Test
  void aSectionInTheMiddleLeavesTheOthersAsTheyAre() throws IOException {
    byte[] after = edited(shape(s -> {}), edits -> Sections.drop(edits, "other", "test"));
    Path file = Files.write(directory.resolve("after"), after);
    try (StreamSnapshot snapshot = StreamSnapshot.open(file)) {
      assertEquals(StreamLayout.From.BOTH_ENDS, snapshot.layout().from());
      assertEquals(
          List.of("timer", "last"), snapshot.devices().stream().map(d -> d.name()).toList());
    }
  }

  @Test
  void subsectionsGoAndComeBackAtEveryDepth() throws IOException {
    there(
        s -> {},
        s -> s.deep = false,
        edits -> Subsections.drop(edits, "timer/bus/slot/slot/inner/slot/inner/deep", "test"));
    there(s -> {}, s -> s.inner = false, edits -> Subsections.drop(edits, INNER, "test"));
    there(
        s -> {},
        s -> s.second = false,
        edits -> Subsections.drop(edits, "timer/bus/bus_second", "test"));
    there(s -> {}, s -> s.only = false, edits -> Subsections.drop(edits, ONLY, "test"));
    Path whole = Files.write(directory.resolve("whole"), shape(s -> {}));
    try (StreamSnapshot from = StreamSnapshot.open(whole)) {
      there(s -> s.inner = false, s -> {}, edits -> Subsections.add(edits, INNER, from, "test"));
      there(s -> s.only = false, s -> {}, edits -> Subsections.add(edits, ONLY, from, "test"));
      there(
          s -> s.second = false,
          s -> {},
          edits -> Subsections.add(edits, "timer/bus/bus_second", from, "test"));
      there(
          s -> s.deep = false,
          s -> {},
          edits -> Subsections.add(edits, INNER + "/slot/inner/deep", from, "test"));
    }
  }

  private static final String INNER = "timer/bus/slot/slot/inner";
  private static final String ONLY = "other/other/only";

  @Test
  void aSubsectionFromBytesIsDescribedAsBytes() throws IOException {
    byte[] after =
        edited(
            shape(s -> {}),
            edits -> Subsections.add(edits, "last/last/more", new byte[] {1, 2}, 4, "test"));
    Path file = Files.write(directory.resolve("after"), after);
    try (StreamSnapshot snapshot = StreamSnapshot.open(file)) {
      assertEquals(StreamLayout.From.BOTH_ENDS, snapshot.layout().from());
      FieldPath data = FieldPath.find(snapshot.devices(), "last/last/more/data");
      assertEquals("0102", FieldValue.text(data));
    }
    assertArrayEquals(
        shape(s -> {}), edited(after, edits -> Subsections.drop(edits, "last/last/more", "test")));
  }

  @Test
  void anArrayGrowsAndShrinksWithItsCount() throws IOException {
    there(s -> {}, s -> s.counters = 7, edits -> counters(edits, 7));
    there(s -> s.counters = 12, s -> s.counters = 2, edits -> counters(edits, 2));
  }

  private static void counters(StructureEdits edits, int count) throws IOException {
    FieldPath target = FieldPath.find(edits.snapshot().devices(), "timer/counters");
    StringBuilder text = new StringBuilder();
    for (int i = 0; i < count; i++) {
      text.append(i * 3).append(' ');
    }
    ArrayLength.set(
        edits, target, FieldValue.bytes(target, text.toString()), Optional.of("timer/num"), "test");
  }

  @Test
  void whatCannotBeDoneSaysWhy() throws IOException {
    refused("ram is the guest's memory", edits -> Sections.drop(edits, "ram", "test"));
    refused("no device 'nic'", edits -> Sections.drop(edits, "nic", "test"));
    refused("no section", edits -> Sections.drop(edits, "timer/num", "test"));
    refused("has a section 'last'", edits -> Sections.rename(edits, "timer", "last", "test"));
    refused("no name for a section", edits -> Sections.rename(edits, "timer", "a\nb", "test"));
    refused(
        "has a RAM block 'vga.vram' already",
        edits -> RamBlocks.rename(edits, "pc.ram", "vga.vram", "test", Progress.NONE));
    refused(
        "no RAM block 'x': it has [pc.ram, vga.vram]",
        edits -> RamBlocks.rename(edits, "x", "y", "test", Progress.NONE));
    refused("no machine type's name", edits -> MachineName.set(edits, "a b", "test"));
    refused("is no subsection", edits -> Subsections.drop(edits, "timer/bus", "test"));
    refused("is there already", edits -> Subsections.add(edits, ONLY, new byte[0], 1, "test"));
    refused(
        "'timer/bus/bus…' is the path",
        edits -> Subsections.add(edits, "timer/bus/wrong", new byte[0], 1, "test"));
    refused(
        "--count-field",
        edits -> {
          FieldPath target = FieldPath.find(edits.snapshot().devices(), "timer/counters");
          ArrayLength.set(edits, target, new byte[2], Optional.empty(), "test");
        });
    refused(
        "is not the field that counts them",
        edits -> {
          FieldPath target = FieldPath.find(edits.snapshot().devices(), "timer/counters");
          ArrayLength.set(edits, target, new byte[2], Optional.of("timer/mark"), "test");
        });
  }

  private void refused(String why, Edit edit) throws IOException {
    refused(why, s -> {}, edit);
  }

  private void refused(String why, Consumer<Shape> change, Edit edit) throws IOException {
    Path file = Files.write(directory.resolve("refused"), shape(change));
    try (StreamSnapshot snapshot = StreamSnapshot.open(file)) {
      Exception e = assertThrows(Exception.class, () -> edit.into(new StructureEdits(snapshot)));
      assertTrue(String.valueOf(e.getMessage()).contains(why), e.getMessage());
    }
  }

  /** Every byte of a stream that is not touched is the one it was. */
  @Test
  void aStreamIsLongerByExactlyWhatCame() throws IOException {
    byte[] old = shape(s -> {});
    byte[] after = edited(old, edits -> Sections.rename(edits, "timer", "timers", "test"));
    assertEquals(old.length + 2, after.length, "once in the header, once in the description");
    assertEquals(-1, Arrays.mismatch(old, 0, 200, after, 0, 200));
  }
}
