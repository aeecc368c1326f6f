package dev.vmstate.kvmdir;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vmstate.bytes.FormatException;
import dev.vmstate.bytes.Span;
import dev.vmstate.bytes.UnsupportedFormatException;
import dev.vmstate.container.SnapshotName;
import dev.vmstate.fixtures.KvmDirectoryBuilder;
import dev.vmstate.ram.PageVisitor;
import dev.vmstate.ram.RamIndex;
import dev.vmstate.snapshot.KvmSnapshot;
import dev.vmstate.snapshot.Snapshot;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class KvmDirectoryTest {
  private static final int PAGE = 4096;

  @TempDir Path temp;

  private Path real() throws IOException {
    return new KvmDirectoryBuilder().write(temp.resolve("snap"));
  }

  @Test
  void aDirectoryIsASnapshotLikeAnyOther() throws IOException {
    try (Snapshot snapshot = Snapshot.open(SnapshotName.of(real()))) {
      assertEquals("vmstate-kvm", snapshot.container());
      assertEquals("vmstate", snapshot.vmm());
      assertEquals("vmstate-kvm", snapshot.machine());
      assertEquals("x86_64", snapshot.arch());
      assertEquals(0x8099, snapshot.cpus().get(0).get("rip"));
      assertEquals(
          List.of("vcpu", "vcpu", "serial", "debug-port", "pic-master", "pic-slave"),
          snapshot.devices().stream().map(device -> device.name()).toList());
      ByteBuffer high = ByteBuffer.allocate(6);
      snapshot.memory().readPhysical(0x1_0000_1233L, high);
      assertEquals("\0high\0", new String(high.array(), StandardCharsets.US_ASCII));
      assertEquals(2, snapshot.memoryMap().ranges().size());
    }
  }

  @Test
  void pagesOfZerosAreShownAsSuchAndStillHaveAPlace() throws IOException {
    Path directory = real();
    byte[] memory = Files.readAllBytes(directory.resolve("memory-ranges"));
    try (KvmSnapshot snapshot = KvmSnapshot.open(directory)) {
      assertEquals(RamIndex.Kind.DATA, snapshot.index().kind(0, 100), "not looked at yet");
      TreeSet<Long> data = new TreeSet<>();
      long[] seen = new long[1];
      RamIndex index =
          snapshot.scan(
              new PageVisitor() {
                @Override
                public void data(int block, long page, ByteBuffer bytes, int at, long offset) {
                  byte[] shown = new byte[PAGE];
                  bytes.duplicate().get(at, shown);
                  int place = (int) page * PAGE + (block == 0 ? 0 : KvmDirectoryBuilder.LOW);
                  assertEquals(
                      -1, Arrays.mismatch(shown, Arrays.copyOfRange(memory, place, place + PAGE)));
                  assertEquals(snapshot.placeOf(block, page), offset);
                  data.add(page + block * 1000L);
                  seen[0]++;
                }

                @Override
                public void fill(int block, long page, int value) {
                  assertEquals(0, value);
                  seen[0]++;
                }
              });
      assertEquals(List.of(1L, 2L, 3L, 8L, 0x8fL, 1001L), List.copyOf(data));
      assertEquals((KvmDirectoryBuilder.LOW + KvmDirectoryBuilder.HIGH) / PAGE, seen[0]);
      assertEquals(5, index.counts(0).data());
      assertEquals(RamIndex.Kind.FILL, index.kind(1, 0));
      long place = snapshot.placeOf(1, 1);
      assertEquals('h', snapshot.stream().read(new Span(place + 0x234, 1)).get());
      assertEquals(0, place % PAGE);
      assertEquals(
          memory.length - KvmDirectoryBuilder.LOW - PAGE, snapshot.stream().size() - place);
    }
  }

  /** Several steps of zeros, so that they are read past the cache where the file system can. */
  @Test
  void dataBehindAndBetweenLongHolesIsFound() throws IOException {
    byte[] memory = new byte[32 << 20];
    TreeSet<Long> expected = new TreeSet<>(List.of(0L, 2000L, 2001L, 4095L, 4096L, 8191L));
    expected.forEach(page -> memory[(int) (page * PAGE + page % PAGE)] = 1);
    Path directory =
        new KvmDirectoryBuilder()
            .replace("0x0000000000100000\"", "0x0000000001f30000\"")
            .memory(memory)
            .write(temp.resolve("snap"));
    TreeSet<Long> found = new TreeSet<>();
    try (KvmSnapshot snapshot = KvmSnapshot.open(directory)) {
      snapshot.scan(
          new PageVisitor() {
            @Override
            public void data(int block, long page, ByteBuffer bytes, int at, long offset) {
              found.add((offset - snapshot.placeOf(0, 0)) / PAGE);
            }

            @Override
            public void fill(int block, long page, int value) {}
          });
      assertEquals(expected, found);
    }
  }

  @Test
  void anotherProgramsDirectoryIsCalledByItsName() throws IOException {
    Path directory = Files.createDirectory(temp.resolve("ch"));
    Files.writeString(
        directory.resolve("state.json"),
        "{\"snapshots\":{\"cpu-manager\":{\"snapshots\":{},\"snapshot_data\":null}},"
            + "\"snapshot_data\":{\"state\":\"{}\"}}");
    assertFalse(KvmDirectory.is(directory));
    assertEquals(
        directory.resolve("state.json")
            + ": at offset 0x0: a snapshot of Cloud Hypervisor, which this version does not read",
        assertThrows(
                UnsupportedFormatException.class, () -> Snapshot.open(SnapshotName.of(directory)))
            .getMessage());
    Files.writeString(directory.resolve("state.json"), "{\"a\": 1}");
    assertTrue(
        assertThrows(FormatException.class, () -> KvmDirectory.open(directory))
            .getMessage()
            .endsWith("\"id\": \"vmstate-kvm\" was expected, as 'vmstate run' writes it"));
    Files.delete(directory.resolve("state.json"));
    assertEquals(
        directory
            + ": at offset 0x0: a directory without state.json: a snapshot that 'vmstate run' left"
            + " was expected",
        assertThrows(FormatException.class, () -> KvmDirectory.open(directory)).getMessage());
  }

  @Test
  void whatIsMissingOrOfAnotherLengthIsSaidInOneLine() throws IOException {
    Path directory = real();
    assertTrue(KvmDirectory.is(directory));
    Path memory = directory.resolve("memory-ranges");
    Files.write(memory, new byte[KvmDirectoryBuilder.LOW]);
    assertEquals(
        memory + ": at offset 0xd0000: 0xd0000 bytes long, the ranges in state.json are 0x1d0000",
        assertThrows(FormatException.class, () -> KvmDirectory.open(directory)).getMessage());
    Files.delete(memory);
    assertTrue(
        assertThrows(IOException.class, () -> KvmDirectory.open(directory))
            .getMessage()
            .endsWith("there is no such file: the snapshot is not complete"));
    Files.createDirectory(memory);
    assertThrows(IOException.class, () -> KvmDirectory.open(directory));
    Files.delete(memory);
    Files.delete(directory.resolve("config.json"));
    assertThrows(IOException.class, () -> KvmDirectory.open(directory));
    SnapshotName inner = new SnapshotName(directory, Optional.of("one"));
    assertThrows(IOException.class, () -> Snapshot.open(inner));
  }

  /** Bytes, digits, whole values and lengths: nothing but the two exceptions, and no hang. */
  @Test
  void damagedDirectoriesEndInAnErrorOrInASnapshot() throws IOException {
    KvmDirectoryBuilder builder = new KvmDirectoryBuilder();
    String state = builder.state();
    Path directory = builder.write(temp.resolve("snap"));
    String config = Files.readString(directory.resolve("config.json"));
    Random random = new Random(11);
    int opened = 0;
    for (int i = 0; i < 600; i++) {
      Files.writeString(
          directory.resolve("state.json"), i % 4 == 3 ? state : damaged(state, random));
      Files.writeString(
          directory.resolve("config.json"), i % 4 == 3 ? damaged(config, random) : config);
      try (KvmSnapshot snapshot = KvmSnapshot.open(directory)) {
        opened++;
        snapshot.hardware();
        snapshot.facts();
        snapshot.cpus().forEach(cpu -> cpu.mode());
        snapshot.memoryMap().ranges();
        snapshot.index();
      } catch (IOException e) {
        assertEquals(-1, e.getMessage().indexOf('\n'), e.getMessage());
        assertTrue(e.getMessage().startsWith(temp.toString()), e.getMessage());
      }
    }
    assertTrue(opened > 50 && opened < 590, opened + " were opened");
  }

  private static String damaged(String text, Random random) {
    StringBuilder with = new StringBuilder(text);
    for (int n = 1 + random.nextInt(3); n > 0; n--) {
      int at = random.nextInt(with.length());
      switch (random.nextInt(6)) {
        case 0 -> with.setCharAt(at, (char) (32 + random.nextInt(95)));
        case 1 -> with.setCharAt(at, "0123456789abcdef".charAt(random.nextInt(16)));
        case 2 -> with.delete(at, Math.min(with.length(), at + 1 + random.nextInt(40)));
        case 3 -> with.insert(at, with.substring(at, Math.min(with.length(), at + 100)));
        case 4 -> {
          int name = with.indexOf("\": \"", at);
          if (name > 0) {
            with.replace(name + 4, Math.min(with.length(), name + 8), "0xff");
          }
        }
        default -> with.insert(at, "[{\"\\u0000\":[".repeat(random.nextInt(4)));
      }
    }
    return with.toString();
  }
}
