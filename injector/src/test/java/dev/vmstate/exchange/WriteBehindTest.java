package dev.vmstate.exchange;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class WriteBehindTest {
  @TempDir Path directory;

  private static void put(WriteBehind out, int value, int length, long at) throws IOException {
    ByteBuffer buffer = out.take();
    for (int i = 0; i < length; i++) {
      buffer.put((byte) value);
    }
    out.write(buffer.flip(), at);
  }

  @Test
  void piecesAreWrittenInTheirOrderSoThatALaterOneReplacesAnEarlier() throws Exception {
    Path file = directory.resolve("file");
    try (FileChannel channel =
            FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.WRITE);
        WriteBehind out = new WriteBehind(channel::write)) {
      for (int i = 1; i <= 100; i++) {
        put(out, i, 1000, 0);
      }
      put(out, 7, 10, 1000);
      out.drain();
      byte[] expected = new byte[1010];
      Arrays.fill(expected, 0, 1000, (byte) 100);
      Arrays.fill(expected, 1000, 1010, (byte) 7);
      assertArrayEquals(expected, Files.readAllBytes(file));
    }
  }

  @Test
  void aFailedWriteIsReportedAndTheThreadEnds() throws Exception {
    Path file = directory.resolve("file");
    FileChannel channel =
        FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.WRITE);
    channel.close();
    try (WriteBehind out = new WriteBehind(channel::write)) {
      assertThrows(
          IOException.class,
          () -> {
            for (int i = 0; i < 1000; i++) {
              put(out, i, 10, 0);
            }
            out.drain();
          });
    }
  }
}
