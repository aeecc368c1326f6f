package dev.vmstate.container;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vmstate.bytes.ByteSource;
import dev.vmstate.bytes.FormatException;
import dev.vmstate.fixtures.MigrationStreamBuilder;
import dev.vmstate.fixtures.PageItems;
import dev.vmstate.snapshot.StreamSnapshot;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Streams with something before or behind them. */
class PlainContainerTest {
  @TempDir private Path dir;

  private static MigrationStreamBuilder stream(boolean mapped) {
    MigrationStreamBuilder stream =
        new MigrationStreamBuilder("pc-i440fx-10.0").block("pc.ram", 0x8000);
    return mapped
        ? stream.mappedRam(4096).mappedPage("pc.ram", 3, 1)
        : stream.end(p -> p.page("pc.ram", 3, 1).zero("pc.ram", 0));
  }

  private Path file(byte[]... parts) throws IOException {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    for (byte[] part : parts) {
      out.writeBytes(part);
    }
    return Files.write(dir.resolve("a.mig"), out.toByteArray());
  }

  private static void reads(Path file, long at) throws IOException {
    try (StreamSnapshot snapshot = StreamSnapshot.open(file)) {
      assertEquals(at, snapshot.holder().streamAt());
      assertEquals("paused", runState(snapshot));
      ByteBuffer page = ByteBuffer.allocate(4096);
      snapshot.memory().readBlock(0, 3 * 4096, page);
      assertArrayEquals(PageItems.pattern(4096, 1), page.array());
      if (at > 0) {
        assertEquals(
            List.of(new Container.Fact("offset", "0x" + Long.toHexString(at))), snapshot.facts());
      }
    }
  }

  private static String runState(StreamSnapshot snapshot) throws IOException {
    byte[] payload = snapshot.stream().bytes(snapshot.devices().get(0).payload());
    return new String(payload, 4, 6, StandardCharsets.US_ASCII);
  }

  /** {@code migrate file:F,offset=N}. */
  @ParameterizedTest
  @ValueSource(ints = {1, 5000, (1 << 20) - 3, 1 << 20, 3_000_001})
  void aStreamIsFoundBehindWhateverStandsBeforeIt(int at) throws Exception {
    byte[] before = new byte[at];
    byte[] decoys =
        "a QEVM is how a stream starts; QEVM\0\0\0\3 as well".getBytes(StandardCharsets.US_ASCII);
    System.arraycopy(decoys, 0, before, 0, Math.min(at, decoys.length));
    byte[] notAStream = {'Q', 'E', 'V', 'M', 0, 0, 0, 3, 7, 0, 0, 0, 2, 'p', 'c', 9};
    System.arraycopy(notAStream, 0, before, Math.max(0, at - 20), Math.min(at, 16));
    for (boolean mapped : new boolean[] {true, false}) {
      byte[] stream = stream(mapped).streamAt(at).globalState("paused").build();
      reads(file(before, stream), at);
      reads(file(before, stream, new byte[100_000]), at);
    }
  }

  @Test
  void aFileWithoutAnyStreamIsRefusedByWhatItStartsWith() throws Exception {
    byte[] text = new byte[2 << 20];
    Arrays.fill(text, (byte) 'Q');
    Path file = file(text);
    FormatException e = assertThrows(FormatException.class, () -> StreamSnapshot.open(file));
    assertTrue(e.getMessage().contains("magic 51515151"), e.getMessage());
  }

  /** A mapped-ram file has file offsets in it: it cannot simply stand somewhere else. */
  @Test
  void aMappedStreamThatWasMovedIsRefused() throws Exception {
    Path file = file(new byte[0x200000], stream(true).globalState("paused").build());
    FormatException e = assertThrows(FormatException.class, () -> StreamSnapshot.open(file));
    assertTrue(e.getMessage().contains("was the stream moved"), e.getMessage());
  }

  /** A volume that is written again keeps the end of the longer, older stream. */
  @Test
  void whatAnOlderStreamLeftOnAVolumeIsNotBelieved() throws Exception {
    for (boolean mapped : new boolean[] {true, false}) {
      byte[] older =
          stream(false)
              .block("more", 0x8000)
              .end(p -> p.pages("more", 0, 8, 5))
              .globalState("running")
              .build();
      byte[] newer = stream(mapped).globalState("paused").build();
      byte[] volume = Arrays.copyOf(older, Math.max(older.length, newer.length) + 5000);
      System.arraycopy(newer, 0, volume, 0, newer.length);
      try (StreamSnapshot snapshot = StreamSnapshot.of(new Volume(volume))) {
        assertEquals("paused", runState(snapshot));
        assertEquals(newer.length, snapshot.span().end());
        assertEquals(mapped ? 7 : 1, snapshot.index().counts(0).zero());
      }
    }
  }

  private static final class Volume implements Container {
    private final byte[] bytes;

    Volume(byte[] bytes) {
      this.bytes = bytes;
    }

    @Override
    public String name() {
      return "qemu-stream";
    }

    @Override
    public SnapshotName source() {
      return SnapshotName.of(Path.of("/dev/volume"));
    }

    @Override
    public ByteSource stream() {
      return ByteSource.of("/dev/volume", bytes);
    }

    @Override
    public long fileSize() {
      return bytes.length;
    }

    @Override
    public boolean reused() {
      return true;
    }

    @Override
    public void close() {}
  }
}
