package dev.vmstate.inject;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vmstate.bytes.ByteSource;
import dev.vmstate.bytes.Span;
import dev.vmstate.bytes.Splice;
import dev.vmstate.container.FileSource;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.LongStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Random bytes replaced by others of any length, in a file as it stands. */
class SplicedEditsTest {
  private static final int SIZE = 1_200_000;

  @TempDir Path directory;
  private Path file;
  private byte[] before;

  @BeforeEach
  void aFile() throws IOException {
    before = new byte[SIZE];
    new SplittableRandom(7).nextBytes(before);
    file = Files.write(directory.resolve("file"), before);
  }

  static LongStream seeds() {
    return TestMachine.seeds(30);
  }

  static LongStream fewSeeds() {
    return TestMachine.seeds(3);
  }

  /** Up to twelve; the seed says whether they mostly grow, shrink, or end where they began. */
  private static List<Splice> random(long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    List<Splice> splices = new ArrayList<>();
    int grow = seed % 3 == 0 ? 20 : 120_000;
    int shrink = seed % 3 == 1 ? 20 : 120_000;
    long at = 0;
    while (splices.size() < 12) {
      at += random.nextInt(SIZE / 6);
      long length = Math.min(random.nextInt(shrink), SIZE - at);
      if (at >= SIZE) {
        break;
      }
      byte[] with = new byte[random.nextInt(4) == 0 ? (int) length : random.nextInt(grow)];
      random.nextBytes(with);
      splices.add(Splice.of(new Span(at, length), with));
      at += length;
    }
    return splices;
  }

  private byte[] applied(List<Splice> splices) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    int from = 0;
    for (Splice splice : splices) {
      out.write(before, from, (int) splice.where().offset() - from);
      ByteBuffer with = splice.with();
      byte[] bytes = new byte[with.remaining()];
      with.get(bytes);
      out.writeBytes(bytes);
      from = (int) splice.where().end();
    }
    out.write(before, from, SIZE - from);
    return out.toByteArray();
  }

  private void carryOut(List<Splice> splices, Opener opener) throws IOException {
    try (FileSource source = new FileSource(file);
        InPlace edit = new InPlace(file, opener)) {
      FileEdits edits = new PlainEdits(new SplicedEdits(source, Splices.of(splices)), 0);
      edit.carryOut(SIZE, edits.appendAt(), edits);
    }
  }

  @ParameterizedTest(name = "-Dvmstate.seed={0}")
  @MethodSource("seeds")
  void theFileIsWhatTheSplicesSayAndComesBack(long seed) throws IOException {
    List<Splice> splices = random(seed);
    byte[] after = applied(splices);
    SplicedSource view = new SplicedSource(ByteSource.of("before", before), Splices.of(splices));
    assertEquals(after.length, view.size());
    assertArrayEquals(after, view.bytes(new Span(0, view.size())), "without writing it");
    SplittableRandom random = new SplittableRandom(seed);
    for (int i = 0; i < 50; i++) {
      int from = random.nextInt(after.length);
      int length = random.nextInt(Math.min(200_000, after.length - from));
      assertEquals(
          ByteBuffer.wrap(after, from, length), view.read(new Span(from, length)), "a part");
    }
    carryOut(splices, Opener.PLAIN);
    assertArrayEquals(after, Files.readAllBytes(file));
    InPlace.undo(file);
    assertArrayEquals(before, Files.readAllBytes(file));
  }

  @ParameterizedTest(name = "-Dvmstate.seed={0}")
  @MethodSource("fewSeeds")
  void killedAnywhereItIsTakenBack(long seed) throws IOException {
    List<Splice> splices = random(seed);
    for (int n = 0; ; n++) {
      try {
        carryOut(splices, new FaultyChannel.Fuse(n, true).opener());
        break;
      } catch (IOException e) {
        assertTrue(e.getMessage().contains("vmstate undo"), e.getMessage());
        for (int stop = n % 3; ; stop += 5) {
          try {
            InPlace.undo(file, new FaultyChannel.Fuse(stop, true).opener());
            break;
          } catch (IOException again) {
            assertTrue(again.getMessage().contains("says the test"), again.getMessage());
          }
        }
        assertArrayEquals(before, Files.readAllBytes(file), "change " + n);
      }
    }
    assertArrayEquals(applied(splices), Files.readAllBytes(file));
  }

  @Test
  void twoThatWantTheSameBytesAreRefused() {
    List<Splice> both =
        List.of(Splice.cut(new Span(10, 20)), Splice.of(new Span(29, 4), new byte[1]));
    IOException e = assertThrows(IOException.class, () -> Splices.of(both));
    assertTrue(e.getMessage().contains("0x1d"), e.getMessage());
  }
}
