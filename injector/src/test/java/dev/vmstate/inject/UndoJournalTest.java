package dev.vmstate.inject;

import static dev.vmstate.inject.Edits.assertSameBytes;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vmstate.bytes.Patch;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.zip.CRC32C;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Journals that are not what we wrote. */
class UndoJournalTest {
  private static final int HEADER = 64;

  @TempDir Path directory;
  private Path file;
  private Path journal;
  private byte[] before;
  private byte[] changed;
  private byte[] good;

  @BeforeEach
  void change() throws IOException {
    before = new byte[20_000];
    new SplittableRandom(1).nextBytes(before);
    file = Files.write(directory.resolve("vm.mig"), before);
    var edit =
        new InPlaceTest.Edit(
            List.of(Patch.of(100, new byte[] {1, 2, 3}), Patch.of(9000, new byte[] {4})),
            50,
            19_900);
    try (InPlace inPlace = new InPlace(file, Opener.PLAIN)) {
      inPlace.carryOut(before.length, 19_900, edit);
    }
    journal = UndoJournal.beside(file);
    good = Files.readAllBytes(journal);
    changed = Files.readAllBytes(file);
  }

  private void pending() {
    ByteBuffer bytes = ByteBuffer.wrap(good);
    bytes.putInt(48, 0).putInt(52, 0);
    seal(good, 48, 12, 60);
  }

  private static void seal(byte[] bytes, int from, int length, int at) {
    CRC32C crc = new CRC32C();
    crc.update(bytes, from, length);
    ByteBuffer.wrap(bytes).putInt(at, (int) crc.getValue());
  }

  private void assertRefused(byte[] bytes, String what) throws IOException {
    Files.write(journal, bytes);
    IOException e = assertThrows(IOException.class, () -> InPlace.undo(file), what);
    assertTrue(e.getMessage().startsWith(journal + ": at offset 0x"), e.getMessage());
    assertTrue(e.getMessage().contains("damaged undo journal"), e.getMessage());
    assertSameBytes(changed, Files.readAllBytes(file), what);
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void everyShorterJournalIsRefused(boolean pending) throws IOException {
    if (pending) {
      pending();
    }
    for (int length = 0; length < good.length; length++) {
      assertRefused(Arrays.copyOf(good, length), "cut at " + length);
    }
    assertRefused(Arrays.copyOf(good, good.length + 1), "a byte too long");
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void everyFlippedBitIsNoticed(boolean pending) throws IOException {
    if (pending) {
      pending();
    }
    for (int at = 0; at < good.length; at++) {
      for (int bit = 0; bit < 8; bit++) {
        byte[] bytes = good.clone();
        bytes[at] ^= (byte) (1 << bit);
        assertRefused(bytes, "bit %d of byte %d".formatted(bit, at));
      }
    }
    Files.write(journal, good);
    InPlace.undo(file);
    assertSameBytes(before, Files.readAllBytes(file), "taken back");
  }

  /** Somebody who can compute checksums cannot make undo write where nothing was changed. */
  @Test
  void entriesOutOfRangeAreRefusedBeforeAnythingIsWritten() throws IOException {
    long[][] wrong = {
      {before.length - 3, 4},
      {-1, 1},
      {Long.MAX_VALUE, 1},
      {0, -1},
      {0, Long.MAX_VALUE},
      {0, before.length + 1L},
      {Long.MIN_VALUE, Long.MIN_VALUE}
    };
    for (long[] entry : wrong) {
      ByteBuffer body = ByteBuffer.allocate(17 + 20);
      body.putLong(50).putLong(1).put((byte) 9).putLong(entry[0]).putLong(entry[1]);
      assertRefused(journal(body.array(), before.length, changed.length), Arrays.toString(entry));
    }
    byte[] torso = ByteBuffer.allocate(17 + 15).putLong(50).putLong(1).array();
    assertRefused(journal(torso, before.length, changed.length), "half an entry");
  }

  @Test
  void sizesThatMakeNoSenseAreRefused() throws IOException {
    byte[] none = new byte[0];
    assertRefused(journal(none, -1, changed.length), "negative");
    assertRefused(journal(none, before.length, before.length - 1), "shrinking");
    assertRefused(journal(none, 0, -1), "negative");
  }

  private byte[] journal(byte[] body, long originalSize, long newSize) {
    byte[] bytes = new byte[HEADER + body.length];
    System.arraycopy(good, 0, bytes, 0, HEADER);
    System.arraycopy(body, 0, bytes, HEADER, body.length);
    ByteBuffer.wrap(bytes).putLong(16, originalSize).putLong(24, newSize).putLong(32, body.length);
    seal(bytes, HEADER, body.length, 40);
    seal(bytes, 0, 44, 44);
    return bytes;
  }

  @Test
  void theFormatIsWhatItsGrammarSays() throws IOException {
    ByteBuffer bytes = ByteBuffer.wrap(good);
    assertEquals(0x564d5354554e444fL, bytes.getLong(0));
    assertEquals(1, bytes.getInt(8));
    assertEquals(20_000, bytes.getLong(16));
    assertEquals(20_050, bytes.getLong(24));
    assertEquals(good.length - HEADER, bytes.getLong(32));
    assertEquals(1, bytes.getInt(48));
    byte[] expected =
        ByteBuffer.allocate(16 + 3 + 16 + 1 + 16 + 100)
            .putLong(100)
            .putLong(3)
            .put(before, 100, 3)
            .putLong(9000)
            .putLong(1)
            .put(before, 9000, 1)
            .putLong(19_900)
            .putLong(100)
            .put(before, 19_900, 100)
            .array();
    assertSameBytes(expected, Arrays.copyOfRange(good, HEADER, good.length), "entries");
  }

  @Test
  void aDamagedJournalIsInTheWayOfFurtherChangesAndSaysHowToGetRidOfIt() throws IOException {
    good[50] ^= 1;
    Files.write(journal, good);
    IOException e = assertThrows(IOException.class, () -> InPlace.requireSettled(file));
    assertTrue(e.getMessage().contains("delete it"), e.getMessage());
  }
}
