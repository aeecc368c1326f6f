package dev.vmstate.bytes;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.SplittableRandom;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class WindowedSourceTest {
  static LongStream seeds() {
    Long one = Long.getLong("vmstate.seed");
    return one != null ? LongStream.of(one) : LongStream.range(0, 50);
  }

  @ParameterizedTest(name = "-Dvmstate.seed={0}")
  @MethodSource("seeds")
  void givesTheSameBytesAsTheSourceWhereverItIsAsked(long seed) throws Exception {
    SplittableRandom random = new SplittableRandom(seed);
    byte[] bytes = new byte[random.nextInt(1, 400)];
    random.nextBytes(bytes);
    ByteSource windowed = new WindowedSource(ByteSource.of("a", bytes), random.nextInt(1, 100));
    for (int i = 0; i < 200; i++) {
      int from = random.nextInt(bytes.length);
      int length = random.nextInt(bytes.length - from + 1);
      assertArrayEquals(
          Arrays.copyOfRange(bytes, from, from + length), windowed.bytes(new Span(from, length)));
    }
    assertEquals(bytes.length, windowed.size());
    assertThrows(IOException.class, () -> windowed.bytes(new Span(bytes.length, 1)));
    assertThrows(EOFException.class, () -> windowed.read(-1, ByteBuffer.allocate(1)));
  }

  /** A window that was half filled when the disk failed must not be believed afterwards. */
  @Test
  void aFailedReadLeavesNoWrongBytesBehind() throws Exception {
    boolean[] broken = {false};
    byte[] bytes = {1, 2, 3, 4, 5, 6, 7, 8};
    ByteSource inner = ByteSource.of("a", bytes);
    ByteSource flaky =
        new ByteSource() {
          @Override
          public String name() {
            return "flaky";
          }

          @Override
          public long size() {
            return inner.size();
          }

          @Override
          public void read(long offset, ByteBuffer into) throws IOException {
            if (broken[0]) {
              into.put((byte) 99);
              throw new IOException("broken");
            }
            inner.read(offset, into);
          }
        };
    ByteSource windowed = new WindowedSource(flaky, 4);
    assertArrayEquals(new byte[] {1, 2}, windowed.bytes(new Span(0, 2)));
    broken[0] = true;
    assertThrows(IOException.class, () -> windowed.bytes(new Span(5, 2)));
    broken[0] = false;
    assertArrayEquals(new byte[] {1, 2}, windowed.bytes(new Span(0, 2)));
    assertArrayEquals(new byte[] {6, 7}, windowed.bytes(new Span(5, 2)));
  }
}
