package dev.vmstate.inject;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class JoinedFilesTest {
  @TempDir Path directory;

  static LongStream seeds() {
    return TestMachine.seeds(30);
  }

  private List<Path> files(SplittableRandom random) throws IOException {
    int[] lengths = {random.nextInt(50), random.nextInt(3) * 20, 0, 1 + random.nextInt(200)};
    Path[] paths = new Path[lengths.length];
    for (int i = 0; i < lengths.length; i++) {
      byte[] bytes = new byte[lengths[i]];
      random.nextBytes(bytes);
      paths[i] = Files.write(directory.resolve("part" + i), bytes);
    }
    return List.of(paths);
  }

  private static byte[] all(List<Path> files) throws IOException {
    ByteArrayOutputStream all = new ByteArrayOutputStream();
    for (Path file : files) {
      all.write(Files.readAllBytes(file));
    }
    return all.toByteArray();
  }

  @ParameterizedTest(name = "-Dvmstate.seed={0}")
  @MethodSource("seeds")
  void readsAndWritesAsOneFileDoes(long seed) throws IOException {
    SplittableRandom random = new SplittableRandom(seed);
    List<Path> files = files(random);
    byte[] expected = all(files);
    try (JoinedFiles joined = JoinedFiles.open(files)) {
      assertEquals(expected.length, joined.size());
      for (int i = 0; i < 50; i++) {
        int at = random.nextInt(expected.length);
        byte[] bytes = new byte[random.nextInt(expected.length - at + 1)];
        random.nextBytes(bytes);
        InPlace.write(joined, ByteBuffer.wrap(bytes), at);
        System.arraycopy(bytes, 0, expected, at, bytes.length);
        int from = random.nextInt(expected.length);
        ByteBuffer read = ByteBuffer.allocate(expected.length - from);
        InPlace.read(joined, read, from, directory);
        assertArrayEquals(Arrays.copyOfRange(expected, from, expected.length), read.array());
      }
      joined.force(true);
    }
    assertArrayEquals(expected, all(files));
  }

  @Test
  void noFileGetsAnotherLength() throws IOException {
    List<Path> files = files(new SplittableRandom(1));
    byte[] before = all(files);
    try (JoinedFiles joined = JoinedFiles.open(files)) {
      long size = joined.size();
      assertEquals(-1, joined.read(ByteBuffer.allocate(1), size));
      assertEquals(-1, joined.read(ByteBuffer.allocate(1), size + 100));
      assertThrows(IOException.class, () -> joined.write(ByteBuffer.allocate(1), size));
      assertThrows(IOException.class, () -> joined.truncate(size - 1));
      joined.truncate(size);
    }
    assertArrayEquals(before, all(files));
  }

  @Test
  void aLockIsOnAllOrNoneOfThem() throws IOException {
    List<Path> files = files(new SplittableRandom(2));
    try (FileChannel last = FileChannel.open(files.get(3), StandardOpenOption.WRITE);
        JoinedFiles joined = JoinedFiles.open(files)) {
      try (var held = last.lock()) {
        assertThrows(OverlappingFileLockException.class, joined::tryLock);
        try (FileChannel first = FileChannel.open(files.get(0), StandardOpenOption.WRITE);
            var free = first.tryLock()) {
          assertEquals(true, free != null && held.isValid(), "the first was let go");
        }
      }
      assertEquals(true, joined.tryLock() != null);
      assertThrows(OverlappingFileLockException.class, last::tryLock);
    }
  }
}
