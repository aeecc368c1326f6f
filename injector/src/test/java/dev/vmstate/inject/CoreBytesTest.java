package dev.vmstate.inject;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.stream.LongStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class CoreBytesTest {
  @TempDir Path directory;
  private Path file;
  private byte[] bytes;

  @BeforeEach
  void file() throws IOException {
    bytes = new byte[(5 << 20) + 4096 + 77]; // its end is aligned to nothing
    new SplittableRandom(1).nextBytes(bytes);
    Arrays.fill(bytes, 1 << 20, 3 << 20, (byte) 0);
    file = Files.write(directory.resolve("core.elf"), bytes);
  }

  private byte[] hole(CoreBytes core, long offset, long length) throws IOException {
    ByteBuffer out = ByteBuffer.allocate((int) length);
    while (out.hasRemaining()) {
      ByteBuffer part = core.hole(offset + out.position(), out.remaining());
      assertTrue(part.hasRemaining() && part.remaining() <= out.remaining());
      out.put(part);
    }
    return out.array();
  }

  private void assertReadsEverything(CoreBytes core) throws IOException {
    for (int[] range :
        new int[][] {{0, bytes.length}, {1, 5000}, {4096, 4096}, {1 << 20, 77}, {8191, 8193}}) {
      assertArrayEquals(
          Arrays.copyOfRange(bytes, range[0], range[0] + range[1]), hole(core, range[0], range[1]));
    }
    assertThrows(EOFException.class, () -> hole(core, bytes.length - 10, 11));
  }

  @Test
  void stretchesAreReadPastTheCacheUpToAnUnevenEnd() throws IOException {
    try (CoreBytes core = new CoreBytes(file)) {
      assertReadsEverything(core);
    }
  }

  /** Some file systems take O_DIRECT when opening and answer EINVAL to every read. */
  @Test
  void aFileSystemThatRefusesDirectReadsIsReadThroughTheCache() throws IOException {
    int[] asked = {0};
    FileChannel refusing =
        new FaultyChannel(Opener.PLAIN.open(file), new FaultyChannel.Fuse(-1, false)) {
          @Override
          public int read(ByteBuffer into, long position) throws IOException {
            asked[0]++;
            throw new IOException("Invalid argument");
          }
        };
    try (CoreBytes core = new CoreBytes(file, Optional.of(refusing))) {
      assertReadsEverything(core);
    }
    assertEquals(1, asked[0], "asked once and no more");
  }

  @Test
  void aFileSystemWithoutDirectReadsIsReadThroughTheCache() throws IOException {
    try (CoreBytes core = new CoreBytes(file, Optional.empty())) {
      assertReadsEverything(core);
    }
  }

  @Test
  void directReadsThatComeShortAreGoneOnWith() throws IOException {
    FileChannel slow =
        new FaultyChannel(
            FileChannel.open(file, StandardOpenOption.READ), new FaultyChannel.Fuse(-1, false)) {
          @Override
          public int read(ByteBuffer into, long position) throws IOException {
            into.limit(Math.min(into.limit(), into.position() + 1000));
            return super.read(into, position);
          }
        };
    try (CoreBytes core = new CoreBytes(file, Optional.of(slow))) {
      assertReadsEverything(core);
    }
  }

  static LongStream seeds() {
    return TestMachine.seeds(20);
  }

  @ParameterizedTest(name = "-Dvmstate.seed={0}")
  @MethodSource("seeds")
  void aWindowHoldsWhatWasAskedForForwardsOrNot(long seed) throws IOException {
    SplittableRandom random = new SplittableRandom(seed);
    try (CoreBytes core = new CoreBytes(file)) {
      int at = 0;
      for (int i = 0; i < 3000; i++) {
        int length = 1 + random.nextInt(4096);
        at = random.nextInt(50) == 0 ? random.nextInt(bytes.length) : at + random.nextInt(5000);
        if (at + length > bytes.length) {
          int from = at;
          assertThrows(EOFException.class, () -> core.window(Math.min(from, bytes.length), length));
          at = 0;
          continue;
        }
        ByteBuffer window = core.window(at, length);
        assertEquals(ByteBuffer.wrap(bytes, at, length), window);
        at += length;
      }
    }
  }
}
