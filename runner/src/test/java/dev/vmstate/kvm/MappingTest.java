package dev.vmstate.kvm;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.ByteArrayOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class MappingTest {
  private static final int PAGE = 4096;
  private static final long GIB = 1L << 30;

  @TempDir Path dir;

  @BeforeAll
  static void onLinux() {
    assumeTrue(
        System.getProperty("os.name").equals("Linux")
            && System.getProperty("os.arch").equals("amd64"),
        "mappings are made on Linux on x86-64");
  }

  @Test
  void everyOffsetOfFiveGibibytesCanBeReadAndWritten() throws IOException {
    try (Mapping memory = Mapping.anonymous(5 * GIB)) {
      byte[] pattern = new byte[3 * PAGE];
      for (int i = 0; i < pattern.length; i++) {
        pattern[i] = (byte) (i * 7 + 1);
      }
      // Across each place where one buffer ends and the next begins.
      for (long at : List.of(0L, GIB - 5, 2 * GIB - PAGE, 4 * GIB - 1, 5 * GIB - pattern.length)) {
        memory.write(at, pattern);
        byte[] read = new byte[pattern.length];
        memory.read(at, read);
        assertArrayEquals(pattern, read, "at " + at);
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        memory.writeTo(Channels.newChannel(out), at, pattern.length);
        assertArrayEquals(pattern, out.toByteArray());
      }
      byte[] neighbour = new byte[1];
      memory.read(GIB - 6, neighbour);
      assertEquals(0, neighbour[0]);
    }
  }

  @Test
  void whatIsOutsideIsAnExceptionAndChangesNothing() throws IOException {
    try (Mapping memory = Mapping.anonymous(2 * PAGE)) {
      for (long at : List.of(-1L, 2L * PAGE, 2L * PAGE - 1, Long.MAX_VALUE, Long.MIN_VALUE)) {
        ByteBuffer two = ByteBuffer.allocate(2);
        assertThrows(IndexOutOfBoundsException.class, () -> memory.read(at, two));
        assertThrows(IndexOutOfBoundsException.class, () -> memory.write(at, two));
        assertThrows(
            IndexOutOfBoundsException.class,
            () -> memory.writeTo(Channels.newChannel(new ByteArrayOutputStream()), at, 2));
        assertEquals(2, two.remaining());
      }
      memory.read(2 * PAGE, new byte[0]);
    }
    assertThrows(IllegalArgumentException.class, () -> Mapping.anonymous(PAGE + 1));
    assertThrows(IllegalArgumentException.class, () -> Mapping.anonymous(0));
    assertThrows(KvmException.class, () -> Mapping.anonymous(1L << 60));
  }

  @Test
  void afterCloseItIsAnExceptionAndClosingAgainIsNothing() throws IOException {
    Mapping memory = Mapping.anonymous(PAGE);
    memory.close();
    memory.close();
    assertThrows(IllegalStateException.class, () -> memory.read(0, new byte[1]));
    assertThrows(IllegalStateException.class, () -> memory.write(0, new byte[1]));
    assertThrows(IllegalStateException.class, memory::sync);
  }

  @Test
  void copyOnWriteLeavesItsFileAsItIs() throws IOException {
    byte[] bytes = new byte[4 * PAGE];
    Arrays.fill(bytes, (byte) 'a');
    bytes[2 * PAGE] = 'b';
    Path file = Files.write(dir.resolve("memory"), bytes);
    try (Mapping memory = Mapping.copyOnWrite(file, 2 * PAGE, 2 * PAGE)) {
      byte[] read = new byte[2];
      memory.read(0, read);
      assertArrayEquals(new byte[] {'b', 'a'}, read);
      memory.write(0, new byte[] {'c'});
      memory.read(0, read);
      assertArrayEquals(new byte[] {'c', 'a'}, read);
    }
    assertArrayEquals(bytes, Files.readAllBytes(file));
    assertThrows(EOFException.class, () -> Mapping.copyOnWrite(file, 2 * PAGE, 3 * PAGE));
    assertThrows(EOFException.class, () -> Mapping.copyOnWrite(file, 1L << 60, PAGE));
    KvmException none =
        assertThrows(KvmException.class, () -> Mapping.copyOnWrite(dir.resolve("none"), 0, PAGE));
    assertEquals(dir.resolve("none") + ": No such file or directory (errno 2)", none.getMessage());
  }

  @Test
  void whatIsWrittenToASharedFileIsTheFiles() throws IOException {
    Path file = dir.resolve("räm");
    try (Mapping memory = Mapping.shared(file, 3 * PAGE)) {
      memory.write(PAGE - 1, new byte[] {1, 2});
      memory.sync();
      byte[] bytes = Files.readAllBytes(file);
      assertEquals(3 * PAGE, bytes.length);
      assertEquals(1, bytes[PAGE - 1]);
      assertEquals(2, bytes[PAGE]);
    }
    try (Mapping shorter = Mapping.shared(file, PAGE)) {
      assertEquals(PAGE, shorter.size());
    }
    assertEquals(3 * PAGE, Files.size(file));
  }

  @Test
  void aFileThatIsCutShortUnderneathIsAnErrorAndNotTheEndOfTheProcess() throws IOException {
    Path file = Files.write(dir.resolve("memory"), new byte[4 * PAGE]);
    try (Mapping memory = Mapping.copyOnWrite(file, 0, 4 * PAGE)) {
      try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
        channel.truncate(PAGE);
      }
      memory.read(0, new byte[PAGE]);
      IOException cut = assertThrows(IOException.class, () -> memory.read(PAGE, new byte[PAGE]));
      assertEquals(
          file + ": 0x1000+0x1000 is gone: the file was cut short while it was in use",
          cut.getMessage());
      assertThrows(IOException.class, () -> memory.write(2 * PAGE, new byte[PAGE]));
    }
  }

  @Test
  void whatIsAMachinesRamStaysMapped() throws IOException {
    try (Kvm kvm = KvmHost.open()) {
      Mapping memory = Mapping.anonymous(2 * PAGE);
      VmFd vm = kvm.createVm();
      vm.setUserMemory(0, 0, 0, 2 * PAGE, memory, 0);
      assertThrows(IllegalStateException.class, memory::close);
      vm.setUserMemory(0, 0, 0, 0, memory, 0);
      memory.close();
      Mapping other = Mapping.anonymous(2 * PAGE);
      vm.setUserMemory(1, 0, 0, PAGE, other, PAGE);
      KvmException overlap =
          assertThrows(KvmException.class, () -> vm.setUserMemory(2, 0, 0, PAGE, other, 0));
      assertEquals(LibC.EEXIST, overlap.errno());
      assertEquals("KVM_SET_USER_MEMORY_REGION: File exists (errno 17)", overlap.getMessage());
      assertThrows(
          IndexOutOfBoundsException.class,
          () -> vm.setUserMemory(3, 0, 1L << 20, 2 * PAGE, other, PAGE));
      assertThrows(IllegalStateException.class, other::close);
      vm.close();
      vm.close();
      other.close();
    }
  }
}
