package dev.vmstate.inject;

import static dev.vmstate.inject.Edits.assertSameBytes;
import static dev.vmstate.inject.TestMachine.RAM;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vmstate.bytes.Patch;
import dev.vmstate.exchange.Extraction;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class InPlaceTest {
  private static final int SIZE = 300_000;
  private static final int APPEND_AT = 200_000;

  @TempDir Path directory;
  private Path file;
  private byte[] before;

  @BeforeEach
  void file() throws IOException {
    before = new byte[SIZE];
    new SplittableRandom(1).nextBytes(before);
    file = Files.write(directory.resolve("vm.mig"), before);
  }

  /** A plan of patches and of {@code growth} bytes, the same each time it is told. */
  record Edit(List<Patch> patches, int growth, long appendAt) implements InPlace.Plan {
    static Edit random(SplittableRandom random, int growth, int size) {
      List<Patch> patches =
          random
              .ints(1 + random.nextInt(30), 0, size - 5000)
              .sorted()
              .distinct()
              .mapToObj(
                  at -> {
                    byte[] bytes = new byte[1 + random.nextInt(3)];
                    random.nextBytes(bytes);
                    return Patch.of(3L * (at / 3), bytes);
                  })
              .collect(
                  java.util.stream.Collectors.toMap(p -> p.where().offset(), p -> p, (a, b) -> a))
              .values()
              .stream()
              .sorted(java.util.Comparator.comparingLong(p -> p.where().offset()))
              .toList();
      return new Edit(patches, growth, APPEND_AT);
    }

    @Override
    public void tell(StreamTarget target) throws IOException {
      for (Patch patch : patches) {
        target.patch(patch);
      }
      for (int at = 0; at < growth; at += 5000) {
        target.append(ByteBuffer.wrap(added(Math.min(5000, growth - at), at)));
      }
    }

    private static byte[] added(int length, int seed) {
      byte[] bytes = new byte[length];
      new SplittableRandom(seed).nextBytes(bytes);
      return bytes;
    }

    byte[] applied(byte[] to) throws IOException {
      byte[] patched = to.clone();
      for (Patch patch : patches) {
        patch.with().get(patched, (int) patch.where().offset(), (int) patch.where().length());
      }
      ByteBuffer out = ByteBuffer.allocate(to.length + growth);
      out.put(patched, 0, (int) appendAt);
      tell(
          new StreamTarget() {
            @Override
            public void patch(Patch patch) {}

            @Override
            public void append(ByteBuffer bytes) {
              out.put(bytes);
            }
          });
      return out.put(patched, (int) appendAt, to.length - (int) appendAt).array();
    }
  }

  private void carryOut(Edit edit, Opener opener) throws IOException {
    try (InPlace inPlace = new InPlace(file, opener)) {
      inPlace.carryOut(Files.size(file), edit.appendAt(), edit);
    }
  }

  private String refused(Action action) throws IOException {
    byte[] was = Files.readAllBytes(file);
    IOException e = assertThrows(IOException.class, action::run);
    assertSameBytes(was, Files.readAllBytes(file), "the file of a refused action");
    assertFalse(e.getMessage().contains("\n"), e.getMessage());
    return e.getMessage();
  }

  private interface Action {
    void run() throws IOException;
  }

  private void assertFile(byte[] expected, String what) throws IOException {
    assertSameBytes(expected, Files.readAllBytes(file), what);
  }

  static LongStream seeds() {
    return TestMachine.seeds(50);
  }

  @ParameterizedTest(name = "-Dvmstate.seed={0}")
  @MethodSource("seeds")
  void undoRestoresBytesAndSize(long seed) throws IOException {
    SplittableRandom random = new SplittableRandom(seed);
    int growth = random.nextBoolean() ? 0 : random.nextInt(400_000);
    Edit edit = Edit.random(random, growth, SIZE);
    carryOut(edit, Opener.PLAIN);
    assertFile(edit.applied(before), "changed");
    InPlace.requireSettled(file);
    assertTrue(InPlace.undo(file) > 0);
    assertFile(before, "taken back");
    assertFalse(Files.exists(UndoJournal.beside(file)));
    assertTrue(refused(() -> InPlace.undo(file)).contains("nothing to undo"));
  }

  /** The deterministic half of the proof; {@link KilledInPlaceTest} is the other one. */
  @ParameterizedTest(name = "-Dvmstate.seed={0}")
  @MethodSource("fewSeeds")
  void stoppedAtAnyChangeTheFileIsOldOrNewOrCanBeTakenBackHoweverOftenThatIsStoppedToo(long seed)
      throws IOException {
    SplittableRandom random = new SplittableRandom(seed);
    Edit edit = Edit.random(random, seed % 3 == 0 ? 0 : 150_000, SIZE);
    byte[] after = edit.applied(before);
    int n = 0;
    while (true) {
      FaultyChannel.Fuse fuse = new FaultyChannel.Fuse(n++, true);
      try {
        carryOut(edit, fuse.opener());
        break;
      } catch (IOException e) {
        String what = "change " + (n - 1);
        assertTrue(e.getMessage().contains("vmstate undo"), e.getMessage());
        UndoJournal journal = UndoJournal.of(file, Opener.PLAIN).orElseThrow();
        if (journal.state() == UndoJournal.State.PENDING) {
          assertThrows(IOException.class, () -> InPlace.requireSettled(file), what);
        } else {
          assertFile(after, what); // the mark was written, forcing it failed
        }
        undoWithStops(n);
        assertFile(before, what);
        InPlace.requireSettled(file);
      }
    }
    assertTrue(n > edit.patches().size(), n + " changes");
    assertFile(after, "carried out");
    undoWithStops(0);
    assertFile(before, "taken back");
  }

  static LongStream fewSeeds() {
    return TestMachine.seeds(4);
  }

  /** Undo that is stopped at each of its changes in turn, and then let through. */
  private void undoWithStops(int seed) throws IOException {
    int step = seed == 0 ? 1 : 1 + new SplittableRandom(seed).nextInt(20);
    for (int n = 0; ; n += step) {
      try {
        InPlace.undo(file, new FaultyChannel.Fuse(n, true).opener());
        return;
      } catch (IOException e) {
        assertTrue(e.getMessage().contains("says the test"), e.getMessage());
      }
    }
  }

  @Test
  void aChangeThatFailsOnceIsTakenBackAtOnce() throws IOException {
    Edit edit = Edit.random(new SplittableRandom(5), 150_000, SIZE);
    for (int n = 0; ; n++) {
      FaultyChannel.Fuse fuse = new FaultyChannel.Fuse(n, false);
      try {
        carryOut(edit, fuse.opener());
        break;
      } catch (IOException e) {
        assertTrue(e.getMessage().contains("was taken back: no space left"), e.getMessage());
        assertFile(before, "change " + n);
        assertFalse(Files.exists(UndoJournal.beside(file)));
      }
    }
    assertFile(edit.applied(before), "carried out");
  }

  @Test
  void aPlanThatSaysSomethingElseTheSecondTimeIsTakenBack() throws IOException {
    record Told(int times, Patch patch, int growth) {}
    for (Told second :
        List.of(
            new Told(1, Patch.of(500, new byte[] {1}), 10), // not saved
            new Told(1, Patch.of(90, new byte[20]), 10), // more than was saved
            new Told(1, Patch.of(100, new byte[] {1}), 11),
            new Told(1, Patch.of(100, new byte[] {1}), 9))) {
      int[] told = {0};
      InPlace.Plan plan =
          target -> {
            target.patch(told[0] == 0 ? Patch.of(100, new byte[] {1}) : second.patch());
            target.append(ByteBuffer.allocate(told[0] == 0 ? 10 : second.growth()));
            told[0] = 1;
          };
      try (InPlace inPlace = new InPlace(file, Opener.PLAIN)) {
        String message = refused(() -> inPlace.carryOut(SIZE, APPEND_AT, plan));
        assertTrue(message.contains("the edits changed while"), message);
      }
      assertFalse(Files.exists(UndoJournal.beside(file)));
    }
  }

  @Test
  void aPlanThatFailsBeforeAnythingIsWrittenLeavesNothing() throws IOException {
    InPlace.Plan plan =
        target -> {
          target.patch(Patch.of(100, new byte[] {1}));
          throw new IOException("a core that cannot be read");
        };
    try (InPlace inPlace = new InPlace(file, Opener.PLAIN)) {
      refused(() -> inPlace.carryOut(SIZE, APPEND_AT, plan));
    }
    try (Stream<Path> files = Files.list(directory)) {
      assertEquals(List.of(file), files.toList());
    }
  }

  @Test
  void aSecondChangeReplacesTheJournalOfTheFirst() throws IOException {
    Edit first = Edit.random(new SplittableRandom(1), 7000, SIZE);
    Edit second = Edit.random(new SplittableRandom(2), 9000, SIZE);
    carryOut(first, Opener.PLAIN);
    carryOut(second, Opener.PLAIN);
    assertFile(second.applied(first.applied(before)), "both");
    InPlace.undo(file);
    assertFile(first.applied(before), "the first is left");
    refused(() -> InPlace.undo(file));
  }

  @Test
  void whatSomebodyElseWroteSinceIsNotUndone() throws IOException {
    Edit edit = new Edit(List.of(Patch.of(100, new byte[] {1, 2, 3})), 6000, APPEND_AT);
    carryOut(edit, Opener.PLAIN);
    byte[] changed = Files.readAllBytes(file);
    int[] places = {
      101, // where the change was
      APPEND_AT + 100, // in what was added
      SIZE - 1, // in the tail that moved
      changed.length - 1 // in what the file grew by
    };
    for (int at : places) {
      byte[] other = changed.clone();
      other[at]++;
      Files.write(file, other);
      assertTrue(refused(() -> InPlace.undo(file)).contains("was changed by something else"));
    }
    for (int length : new int[] {0, 50, SIZE, changed.length - 1, changed.length + 1}) {
      Files.write(file, Arrays.copyOf(changed, length));
      assertTrue(refused(() -> InPlace.undo(file)).contains("was changed by something else"));
    }
    Files.write(file, changed);
    InPlace.undo(file);
    assertFile(before, "taken back");
  }

  @Test
  void anotherFileOfTheSameNameIsNotUndoneEvenIfItsChangedBytesHappenToMatch() throws IOException {
    Edit edit = new Edit(List.of(Patch.of(100, new byte[] {1, 2, 3})), 0, APPEND_AT);
    carryOut(edit, Opener.PLAIN);
    byte[] other = new byte[SIZE];
    new SplittableRandom(99).nextBytes(other);
    System.arraycopy(new byte[] {1, 2, 3}, 0, other, 100, 3);
    Files.write(file, other);
    assertTrue(refused(() -> InPlace.undo(file)).contains("was changed by something else"));
    InPlace.requireSettled(file);
  }

  private void interrupt(Edit edit, int after) {
    assertThrows(
        IOException.class, () -> carryOut(edit, new FaultyChannel.Fuse(after, true).opener()));
  }

  @Test
  void anotherFilePutInPlaceOfAHalfChangedOneIsNotUndone() throws IOException {
    interrupt(Edit.random(new SplittableRandom(1), 6000, SIZE), 5);
    byte[] other = new byte[SIZE + 3000];
    Files.write(file, other);
    String message = refused(() -> InPlace.undo(file));
    assertTrue(message.contains("was changed by something else"), message);
    assertTrue(message.contains("delete " + UndoJournal.beside(file)), message);
  }

  @Test
  void anInterruptedChangeIsInTheWayOfTheNext() throws IOException {
    Edit edit = Edit.random(new SplittableRandom(1), 6000, SIZE);
    interrupt(edit, 5);
    assertTrue(refused(() -> InPlace.requireSettled(file)).contains("vmstate undo " + file));
    assertTrue(refused(() -> carryOut(edit, Opener.PLAIN)).contains("vmstate undo " + file));
    // Reached through a link the file is as unsettled, and the same journal helps.
    Path link = Files.createSymbolicLink(directory.resolve("link"), file);
    assertTrue(refused(() -> InPlace.requireSettled(link)).contains("vmstate undo " + link));
    InPlace.undo(link);
    assertFile(before, "taken back");
  }

  @Test
  void aFileThatIsBeingChangedCannotBeTakenBackMeanwhile() throws IOException {
    Edit edit = new Edit(List.of(Patch.of(100, new byte[] {1})), 0, APPEND_AT);
    carryOut(edit, Opener.PLAIN);
    try (InPlace other = new InPlace(file, Opener.PLAIN)) {
      InPlace.Plan meanwhile =
          target -> {
            assertTrue(refused(() -> InPlace.undo(file)).contains("being changed already"));
            throw new IOException("enough");
          };
      assertEquals("enough", refused(() -> other.carryOut(SIZE, APPEND_AT, meanwhile)));
    }
    InPlace.undo(file);
  }

  @Test
  void aFileThatGrewSinceItWasReadIsLeftAlone() throws IOException {
    Edit edit = new Edit(List.of(Patch.of(100, new byte[] {1})), 0, APPEND_AT);
    try (InPlace inPlace = new InPlace(file, Opener.PLAIN)) {
      Files.write(file, new byte[1], StandardOpenOption.APPEND);
      assertTrue(refused(() -> inPlace.carryOut(SIZE, APPEND_AT, edit)).contains("something else"));
    }
    assertFalse(Files.exists(UndoJournal.beside(file)));
  }

  @Test
  void theJournalOfManySmallChangesIsNotMuchLongerThanThey() throws IOException {
    List<Patch> patches =
        Stream.iterate(0, at -> at < 100_000, at -> at + 20)
            .map(at -> Patch.of(at, new byte[] {7}))
            .toList();
    carryOut(new Edit(patches, 0, APPEND_AT), Opener.PLAIN);
    assertTrue(Files.size(UndoJournal.beside(file)) < 101_000);
    InPlace.undo(file);
    assertFile(before, "taken back");
  }

  @Test
  void aChangeThroughALinkHasItsJournalBesideTheFile() throws IOException {
    Path far = Files.createDirectory(directory.resolve("far"));
    Path link = Files.createSymbolicLink(far.resolve("link"), file);
    Path real = file;
    file = link;
    carryOut(new Edit(List.of(Patch.of(100, new byte[] {1})), 0, APPEND_AT), Opener.PLAIN);
    assertTrue(Files.exists(real.resolveSibling("vm.mig.vmstate-undo")));
    InPlace.undo(real);
    assertFile(before, "taken back");
  }

  @Test
  void aWholeSnapshotGoesThroughIt() throws IOException {
    TestMachine machine = new TestMachine(1).part(pass -> pass.pages(RAM, 0, 5));
    machine.write(file);
    Path vm = directory.resolve("vm");
    TestMachine.extract(file, vm);
    Edits.memory(vm.resolve(Extraction.CORE), 50 * 4096 - 2, new byte[] {1, 2, 3, 4});
    InjectionReport report = Edits.inPlace(vm, Opener.PLAIN);
    assertEquals(2, report.appendedPages());
    long written = report.fileBytes();
    try (FileChannel journal = FileChannel.open(UndoJournal.beside(file))) {
      assertTrue(written > 2 * 4096 && written < journal.size() + 2 * 5000, written + " bytes");
    }
  }
}
