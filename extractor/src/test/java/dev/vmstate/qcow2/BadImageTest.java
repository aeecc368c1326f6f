package dev.vmstate.qcow2;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vmstate.bytes.FormatException;
import dev.vmstate.bytes.Span;
import dev.vmstate.bytes.UnsupportedFormatException;
import dev.vmstate.container.Containers;
import dev.vmstate.container.SnapshotName;
import dev.vmstate.fixtures.Qcow2Builder;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.function.Consumer;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Images that break their format: one line that says where and why, whatever is wrong. */
class BadImageTest {
  private static final int STATE = 40_000;
  @TempDir private Path directory;

  private static byte[] good() {
    return VmStateTest.image(
        3, 9, false, false, VmStateTest.bytes(1, STATE), VmStateTest.bytes(2, 3000));
  }

  /** Everything is read that a writer would read, too. */
  static void readAll(Path file, String name) throws IOException {
    try (Qcow2Image image = Qcow2Image.open(file)) {
      image.warnings();
      VmState state = image.vmState(image.find(name), name);
      ByteBuffer part = ByteBuffer.allocate(1 << 16);
      long most = Math.min(state.size(), 4 << 20);
      for (long at = 0; at < most; at += part.capacity()) {
        part.clear().limit((int) Math.min(part.capacity(), most - at));
        state.read(at, part);
      }
      if (state.size() > 0) {
        state.bytes(new Span(state.size() - 1, 1));
      }
      Refcounts refcounts = image.refcounts();
      for (long i = 0; i < image.header().clusters(image.file().size()); i++) {
        refcounts.get(i);
      }
    }
  }

  /** Where tables of {@link #good} stand, read from its bytes. */
  private record Places(ByteBuffer image) {
    int table() {
      return (int) image.getLong(64);
    }

    int l1() {
      return (int) image.getLong(table());
    }

    int vmL1() {
      return l1() + 8;
    }

    int vmL2() {
      return (int) (image.getLong(vmL1()) & L2Entry.OFFSET_MASK);
    }
  }

  private record Case(String name, Consumer<Places> damage, String said) {
    @Override
    public String toString() {
      return name;
    }
  }

  private static Case put32(String name, int at, int value, String said) {
    return new Case(name, p -> p.image.putInt(at, value), said);
  }

  private static Case put64(String name, int at, long value, String said) {
    return new Case(name, p -> p.image.putLong(at, value), said);
  }

  static Stream<Case> damages() {
    return Stream.of(
        put32("magic", 0, 7, "at offset 0x0: not a qcow2 image: its magic is 0x00000007"),
        put32("version", 4, 4, "at offset 0x4: qcow2 version 4, 2 or 3 expected"),
        put64("backing in the header", 8, 8, "a backing file's name at 0x8, 0 bytes long"),
        put64("backing behind the header", 8, 513, "has to lie between 0x68 and 0x200"),
        put32("clusters of 256 bytes", 20, 8, "'cluster_bits' is 8, 9 to 21 expected"),
        put32("clusters of 4 MiB", 20, 22, "'cluster_bits' is 22, 9 to 21 expected"),
        put64("negative disk", 24, -1, "a disk of 0xffffffffffffffff bytes"),
        put64("disk too large", 24, 1L << 40, "is too small for a disk of 0x10000000000 bytes"),
        put32("encryption", 32, 3, "'crypt_method' is 3, 0 to 2 are known"),
        put32("L1 too long", 36, 1 << 23, "an L1 table of 8388608 entries, at most 4194304"),
        put32("L1 behind the end", 36, 1 << 22, "(is the file cut short?)"),
        put64("L1 not aligned", 40, 513, "'l1_table_offset' is 0x201, a multiple of"),
        put64("no L1", 40, 0, "'l1_table_offset' is 0x0, a multiple of"),
        put64("refcounts behind the end", 48, 1L << 40, "'refcount_table_offset': 0x1000000"),
        put32("no refcounts", 56, 0, "a refcount table of 0 clusters, 1 to 16384 expected"),
        put32("too many refcounts", 56, 16385, "a refcount table of 16385 clusters"),
        new Case(
            "two tables in one place",
            p -> p.image.putLong(48, p.image.getLong(40)),
            "the active L1 table and the refcount table overlap"),
        put32("too many snapshots", 60, 65537, "65537 snapshots, at most 65536 expected"),
        put32("snapshots behind the end", 60, 60_000, "'snapshots_offset'"),
        put64("snapshots not aligned", 64, 0x7001, "'snapshots_offset' is 0x7001"),
        put64("unknown feature", 72, 1 << 5, "incompatible features 0x20 are not known here: a"),
        put64("compression without type", 72, 8, "'compression_type' 0 and incompatible"),
        put64("small extended L2", 72, 16, "extended L2 entries with clusters of 512 bytes"),
        put32("refcount order", 96, 7, "'refcount_order' is 7, 0 to 6 expected"),
        put32("short header", 100, 96, "'header_length' is 96, a multiple of 8 from 104"),
        put32("odd header", 100, 108, "'header_length' is 108"),
        put32("long header", 100, 1024, "'header_length' is 1024"),
        put64("extension too long", 104, 0x12345678_7fffffffL, "extension 0x12345678' needs"),
        new Case(
            "snapshot's L1 not aligned",
            p -> p.image.putLong(p.table(), 8),
            "'l1_table_offset' is 0x8, a multiple of"),
        new Case(
            "snapshot's L1 too long",
            p -> p.image.putInt(p.table() + 8, -1),
            "an L1 table of 4294967295 entries"),
        new Case(
            "snapshot's L1 behind the end",
            p -> p.image.putLong(p.table(), 1L << 40),
            "an L1 table at 0x10000000000"),
        new Case(
            "snapshot's L1 is the active one",
            p -> p.image.putLong(p.table(), p.image.getLong(40)),
            "the active L1 table and the L1 table of 'one' overlap"),
        new Case(
            "snapshot's name leaves the table",
            p -> p.image.putShort(p.table() + 14, (short) -1),
            "'name' needs 65535 bytes"),
        new Case(
            "extra data too long",
            p -> p.image.putInt(p.table() + 36, 1025),
            "1025 bytes of extra data, at most 1024 expected"),
        new Case(
            "negative VM state",
            p -> p.image.putLong(p.table() + 40, -2),
            "a VM state of 0xfffffffffffffffe bytes"),
        new Case(
            "VM state without tables",
            p -> p.image.putLong(p.table() + 40, 1L << 62),
            "0x4000000000000000 bytes of VM state behind a disk of 0x600 bytes, but its L1"),
        new Case(
            "VM state behind another disk",
            p -> p.image.putLong(p.table() + 48, 1 << 30),
            "bytes of VM state behind a disk of 0x40000000 bytes, but its L1"),
        new Case(
            "L1 entry with reserved bits",
            p -> p.image.putLong(p.vmL1(), p.vmL2() | 1L << 60),
            "reserved bits are set"),
        new Case(
            "L1 entry not aligned",
            p -> p.image.putLong(p.vmL1(), p.vmL2() + 1),
            "reserved bits are set, or it is no multiple"),
        new Case(
            "L2 table behind the end",
            p -> p.image.putLong(p.vmL1(), 1L << 40),
            "its L2 table leaves the file"),
        new Case(
            "L2 table is the header's",
            p -> p.image.putLong(p.vmL1(), p.image.getLong(40)),
            "leads into the active L1 table"),
        new Case(
            "L1 table is its own L2 table",
            p -> p.image.putLong(p.vmL1(), p.l1()),
            "leads into the L1 table of 'one'"),
        new Case(
            "one L2 table for two entries",
            p -> p.image.putLong(p.vmL1() + 8, p.vmL2()),
            "two entries of the L1 table lead to the L2 table"),
        new Case(
            "cluster behind the end",
            p -> p.image.putLong(p.vmL2(), 1L << 40),
            "L2 entry 0x10000000000: past the end of the file"),
        new Case(
            "cluster with reserved bits",
            p -> p.image.putLong(p.vmL2(), 1L << 57 | 512 * 40),
            "reserved bits 0x200000000000000 are set"),
        new Case(
            "cluster in the refcount table",
            p -> p.image.putLong(p.vmL2(), p.image.getLong(48)),
            "leads into the refcount table"),
        new Case(
            "cluster is its own L2 table",
            p -> p.image.putLong(p.vmL2(), p.vmL2()),
            "leads into an L2 table"),
        new Case(
            "compressed data behind the end",
            p -> p.image.putLong(p.vmL2(), 1L << 62 | 1L << 40),
            "past the end of the file"),
        new Case(
            "compressed data that are none",
            p -> p.image.putLong(p.vmL2(), 1L << 62 | p.image.array().length - 20),
            "the compressed cluster for byte 0x0 of the VM state"),
        new Case(
            "compressed data in the snapshot table",
            p -> p.image.putLong(p.vmL2(), 1L << 62 | p.table() + 3),
            "leads into the snapshot table"),
        new Case(
            "refcount block not aligned",
            p -> p.image.putLong((int) p.image.getLong(48), 0x1001),
            "refcount table: at offset"),
        new Case(
            "refcount block behind the end",
            p -> p.image.putLong((int) p.image.getLong(48), 1L << 40),
            "a refcount block at 0x10000000000"),
        new Case(
            "refcount block in the header",
            p -> p.image.putLong((int) p.image.getLong(48), p.image.getLong(40)),
            "inside the active L1 table"),
        new Case(
            "one refcount block twice",
            p -> {
              int at = (int) p.image.getLong(48);
              p.image.putLong(at + 16, p.image.getLong(at));
            },
            "two entries lead to the refcount block"));
  }

  @ParameterizedTest
  @MethodSource("damages")
  void damageIsRefusedInOneLine(Case damage) throws Exception {
    ByteBuffer image = ByteBuffer.wrap(good());
    damage.damage.accept(new Places(image));
    Path file = Files.write(directory.resolve("disk.qcow2"), image.array());
    FormatException e = assertThrows(FormatException.class, () -> readAll(file, "one"));
    assertTrue(e.getMessage().contains(damage.said), e.getMessage());
    assertTrue(e.getMessage().contains("disk.qcow2"), e.getMessage());
    assertTrue(e.getMessage().contains(": at offset 0x"), e.getMessage());
    assertEquals(1, e.getMessage().lines().count());
  }

  @Test
  void zeroFlagInVersion2IsRefused() throws Exception {
    Qcow2Builder builder = new Qcow2Builder(2, 9);
    builder.snapshot("one", new byte[2000], i -> Qcow2Builder.Kind.ZERO);
    Path file = Files.write(directory.resolve("disk.qcow2"), builder.build());
    FormatException e = assertThrows(FormatException.class, () -> readAll(file, "one"));
    assertTrue(e.getMessage().contains("reserved bits 0x1 are set"), e.getMessage());
  }

  @Test
  void anUnknownFeatureIsCalledWhatTheImageCallsIt() throws Exception {
    byte[] bytes = new Qcow2Builder(3, 9).incompatible(1 << 7).build();
    ByteBuffer.wrap(bytes).putInt(104, HeaderExtension.FEATURE_NAMES).putInt(108, 96);
    bytes[112] = 1;
    bytes[113] = 7;
    System.arraycopy("compatible".getBytes(StandardCharsets.US_ASCII), 0, bytes, 114, 10);
    bytes[160] = 0;
    bytes[161] = 7;
    System.arraycopy("time travel".getBytes(StandardCharsets.US_ASCII), 0, bytes, 162, 11);
    Path file = Files.write(directory.resolve("disk.qcow2"), bytes);
    UnsupportedFormatException e =
        assertThrows(UnsupportedFormatException.class, () -> Qcow2Image.open(file));
    assertTrue(e.getMessage().contains("0x80 are not known here (time travel): "), e.getMessage());
  }

  @Test
  void subclustersThatContradictThemselvesAreRefused() throws Exception {
    Qcow2Builder builder = new Qcow2Builder(3, 14).extendedL2();
    builder.snapshot("one", VmStateTest.bytes(1, 40_000));
    byte[] bytes = builder.build();
    Places places = new Places(ByteBuffer.wrap(bytes));
    long entry = places.image.getLong(places.vmL2());
    for (long[] words : new long[][] {{entry, -1}, {0, 1}, {entry | 1, 1}, {1L << 62, 1}}) {
      places.image.putLong(places.vmL2(), words[0]).putLong(places.vmL2() + 8, words[1]);
      Path file = Files.write(directory.resolve("disk.qcow2"), bytes);
      FormatException e = assertThrows(FormatException.class, () -> readAll(file, "one"));
      assertTrue(e.getMessage().contains("L2 entry 0x"), e.getMessage());
    }
  }

  private IOException opening(byte[] image, String inner) throws IOException {
    Path file = Files.write(directory.resolve("disk.qcow2"), image);
    Optional<String> name = inner.isEmpty() ? Optional.empty() : Optional.of(inner);
    return assertThrows(
        IOException.class, () -> Containers.open(new SnapshotName(file, name)).close());
  }

  @Test
  void whatHasNoVmStateSaysWhy() throws Exception {
    assertTrue(
        opening(good(), "").getMessage().endsWith("#NAME; it has 'one' (id 1), 'two' (id 2)"));
    IOException e = opening(good(), "three");
    assertTrue(e instanceof FileNotFoundException, e.toString());
    assertTrue(
        e.getMessage().endsWith("has no snapshot 'three'; it has 'one' (id 1), 'two' (id 2)"));
    e = opening(new Qcow2Builder(3, 9).build(), "one");
    assertTrue(e.getMessage().endsWith("has no snapshot 'one'; it has none"), e.getMessage());

    Qcow2Builder disk = new Qcow2Builder(3, 9);
    disk.snapshot("one", new byte[0]);
    e = opening(disk.build(), "one");
    assertTrue(e.getMessage().contains("a snapshot of the disk alone, without VM state"));

    Qcow2Builder twice = new Qcow2Builder(3, 9);
    twice.snapshot("one", new byte[9]);
    twice.snapshot("one", new byte[9]);
    e = opening(twice.build(), "one");
    assertTrue(e.getMessage().contains("2 snapshots are called 'one': give one's id instead"));

    for (int method = 1; method <= 2; method++) {
      Qcow2Builder encrypted = new Qcow2Builder(3, 9).crypt(method);
      encrypted.snapshot("one", new byte[9]);
      e = opening(encrypted.build(), "one");
      assertTrue(e.getMessage().contains(method == 1 ? "(AES)" : "(LUKS)"), e.getMessage());
      assertTrue(
          e.getMessage()
              .contains("'qemu-img snapshot -a one' and then qemu-io's 'read -b -v 0 512'"),
          e.getMessage());
    }
    Qcow2Builder external = new Qcow2Builder(3, 9).incompatible(4);
    external.snapshot("one", new byte[9]);
    e = opening(external.build(), "one");
    assertTrue(e.getMessage().contains("keeps its data in another file"), e.getMessage());
  }

  @Test
  void aNameCannotBreakTheLine() throws Exception {
    Qcow2Builder builder = new Qcow2Builder(3, 9);
    builder.snapshot("a\nb\u001b[2J", new byte[9]);
    assertTrue(opening(builder.build(), "").getMessage().endsWith("it has 'a?b?[2J' (id 1)"));
  }

  @Test
  void aCutFileIsRefusedWhereItEnds() throws Exception {
    Qcow2Builder builder = new Qcow2Builder(3, 9);
    builder.snapshot("one", VmStateTest.bytes(1, 5000));
    byte[] bytes = builder.build();
    Path file = directory.resolve("disk.qcow2");
    for (int cut = 0; cut < bytes.length; cut += 97) {
      Files.write(file, Arrays.copyOf(bytes, cut));
      FormatException e = assertThrows(FormatException.class, () -> readAll(file, "one"));
      assertTrue(e.getMessage().contains("at offset 0x"), e.getMessage());
    }
  }

  /** QEMU makes an image end behind the last byte written, not at the end of a cluster. */
  @Test
  void aFileMayEndInsideItsLastClusterButNotInsideTheVmState() throws Exception {
    byte[] state = VmStateTest.bytes(1, 5000);
    Qcow2Builder builder = new Qcow2Builder(3, 9);
    builder.snapshot("one", state);
    byte[] bytes = builder.build();
    ByteBuffer image = ByteBuffer.wrap(bytes);
    Places places = new Places(image);
    // The last cluster of the VM state moves behind everything else.
    int entry = places.vmL2() + 9 * 8;
    byte[] longer = Arrays.copyOf(bytes, bytes.length + 5000 - 9 * 512);
    System.arraycopy(state, 9 * 512, longer, bytes.length, 5000 - 9 * 512);
    ByteBuffer.wrap(longer).putLong(entry, bytes.length);
    Path file = Files.write(directory.resolve("disk.qcow2"), longer);
    readAll(file, "one");
    Files.write(file, Arrays.copyOf(longer, longer.length - 1));
    FormatException e = assertThrows(FormatException.class, () -> readAll(file, "one"));
    assertTrue(e.getMessage().contains("the file ends here, at byte 0x1387 of 0x1388"));
  }

  static LongStream seeds() {
    Long one = Long.getLong("vmstate.seed");
    return one != null ? LongStream.of(one) : LongStream.range(0, 25);
  }

  /** Random damage to the tables is read or refused, and nothing else. */
  @ParameterizedTest
  @MethodSource("seeds")
  void randomDamageIsReadOrRefused(long seed) throws Exception {
    SplittableRandom random = new SplittableRandom(seed);
    boolean extended = random.nextBoolean();
    byte[] original =
        VmStateTest.image(
            3,
            extended ? 14 : 9,
            extended,
            random.nextBoolean(),
            VmStateTest.bytes(seed, STATE),
            VmStateTest.bytes(-seed, 100));
    Places places = new Places(ByteBuffer.wrap(original));
    List<Integer> tables =
        List.of(0, places.table(), places.l1(), places.vmL2(), (int) places.image.getLong(48));
    Path file = directory.resolve("disk.qcow2");
    for (int i = 0; i < 40; i++) {
      byte[] bytes = original.clone();
      for (int j = 1 + random.nextInt(3); j > 0; j--) {
        int at = tables.get(random.nextInt(tables.size())) + random.nextInt(112);
        if (at < bytes.length) {
          bytes[at] = (byte) (random.nextBoolean() ? random.nextInt() : bytes[at] ^ 1 << at % 8);
        }
      }
      Files.write(file, bytes);
      try {
        readAll(file, "one");
      } catch (FormatException e) {
        assertTrue(e.getMessage().contains("at offset 0x"), e.getMessage());
        assertEquals(1, e.getMessage().lines().count(), e.getMessage());
      } catch (FileNotFoundException e) {
        assertTrue(e.getMessage().contains("has no snapshot 'one'"), e.getMessage());
      }
    }
  }
}
