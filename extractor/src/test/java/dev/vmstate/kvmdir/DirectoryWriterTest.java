package dev.vmstate.kvmdir;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DirectoryWriterTest {
  @TempDir Path temp;

  private List<String> names() throws IOException {
    try (Stream<Path> files = Files.list(temp)) {
      return files.map(file -> file.getFileName().toString()).sorted().toList();
    }
  }

  @Test
  void nothingStandsUnderTheNameBeforeTheCommit() throws IOException {
    Path target = temp.resolve("snap");
    try (DirectoryWriter out = new DirectoryWriter(target)) {
      out.write("config.json", new byte[] {1, 2});
      assertFalse(Files.exists(target));
      out.commit();
    }
    assertEquals(List.of("snap"), names());
    assertArrayEquals(new byte[] {1, 2}, Files.readAllBytes(target.resolve("config.json")));
    assertEquals("rwx------", permissions(target));
    assertEquals("rw-------", permissions(target.resolve("config.json")));
  }

  private static String permissions(Path path) throws IOException {
    return PosixFilePermissions.toString(Files.getPosixFilePermissions(path));
  }

  @Test
  void withoutACommitNothingIsLeft() throws IOException {
    try (DirectoryWriter out = new DirectoryWriter(temp.resolve("snap"))) {
      out.write("config.json", new byte[] {1, 2});
      try (SparseFile memory = out.sparse("memory-ranges")) {
        memory.write(ByteBuffer.wrap(new byte[] {1}));
      }
    }
    assertEquals(List.of(), names());
  }

  @Test
  void anExistingNameIsRefusedBeforeAndAtTheEnd() throws IOException {
    Path target = temp.resolve("snap");
    Files.createDirectory(target);
    assertThrows(FileAlreadyExistsException.class, () -> new DirectoryWriter(target));
    Files.delete(target);
    Files.createSymbolicLink(target, temp.resolve("nowhere"));
    assertThrows(FileAlreadyExistsException.class, () -> new DirectoryWriter(target));
    Files.delete(target);
    try (DirectoryWriter out = new DirectoryWriter(target)) {
      out.write("a", new byte[1]);
      Files.createDirectory(target);
      Files.write(target.resolve("theirs"), new byte[1]);
      assertThrows(FileAlreadyExistsException.class, out::commit);
    }
    assertEquals(List.of("snap"), names());
    assertTrue(Files.exists(target.resolve("theirs")));
  }

  @Test
  void whatAKilledWriterLeftIsDeletedAndWhatALivingOneHasIsNot() throws Exception {
    Path target = temp.resolve("snap");
    Process dead = new ProcessBuilder("true").start();
    dead.waitFor();
    String prefix = ".vmstate-%08x-".formatted("snap".hashCode());
    Path left = Files.createDirectory(temp.resolve(prefix + dead.pid() + "-abc"));
    Files.write(left.resolve("memory-ranges"), new byte[10]);
    Path living =
        Files.createDirectory(temp.resolve(prefix + ProcessHandle.current().pid() + "-abc"));
    Path others = Files.createDirectory(temp.resolve(".vmstate-00000000-" + dead.pid() + "-abc"));
    try (DirectoryWriter out = new DirectoryWriter(target)) {
      out.write("a", new byte[1]);
      assertFalse(Files.exists(left));
      assertTrue(Files.exists(living));
      assertTrue(Files.exists(others));
    }
  }

  @Test
  void aDirectoryInADirectoryThatIsNotThereIsRefused() {
    Path target = temp.resolve("missing/snap");
    assertThrows(IOException.class, () -> new DirectoryWriter(target));
    assertThrows(IOException.class, () -> new DirectoryWriter(Path.of("/")));
  }

  @Test
  void pagesOfZerosBecomeHolesWhereverAPieceEnds() throws IOException {
    Random random = new Random(3);
    byte[] expected = new byte[300 * 4096 + 123];
    for (int page = 0; page < 300; page++) {
      if (random.nextInt(3) == 0) {
        expected[page * 4096 + random.nextInt(4096)] = 1;
      }
    }
    Path target = temp.resolve("snap");
    try (DirectoryWriter out = new DirectoryWriter(target)) {
      try (SparseFile file = out.sparse("memory-ranges")) {
        for (int at = 0; at < expected.length; ) {
          int length = Math.min(1 + random.nextInt(20_000), expected.length - at);
          ByteBuffer piece = ByteBuffer.wrap(expected, at, length);
          file.write(piece);
          assertEquals(0, piece.remaining());
          at += length;
        }
        file.skip(1 << 20);
        assertEquals(expected.length + (1L << 20), file.size());
      }
      out.commit();
    }
    byte[] read = Files.readAllBytes(target.resolve("memory-ranges"));
    assertEquals(expected.length + (1 << 20), read.length);
    assertArrayEquals(expected, Arrays.copyOf(read, expected.length));
    assertEquals(
        -1, ByteBuffer.allocate(1 << 20).mismatch(ByteBuffer.wrap(read, expected.length, 1 << 20)));
  }
}
