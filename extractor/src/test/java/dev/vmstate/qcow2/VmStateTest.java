package dev.vmstate.qcow2;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.github.luben.zstd.Zstd;
import dev.vmstate.bytes.Span;
import dev.vmstate.fixtures.Qcow2Builder;
import dev.vmstate.fixtures.Qcow2Builder.Kind;
import dev.vmstate.fixtures.QemuImage;
import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.Stream;
import java.util.zip.Deflater;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

/** VM state through every kind of cluster, and as qemu-io reads it. */
class VmStateTest {
  @TempDir private Path directory;

  /** Runs of noise, of text and of zeros, so that every kind of cluster has something to hold. */
  static byte[] bytes(long seed, int length) {
    byte[] bytes = new byte[length];
    SplittableRandom random = new SplittableRandom(seed);
    for (int at = 0; at < length; ) {
      int run = Math.min(length - at, 1 + random.nextInt(6000));
      byte[] part = new byte[run];
      switch (random.nextInt(3)) {
        case 0 -> random.nextBytes(part);
        case 1 -> Arrays.fill(part, (byte) ('a' + random.nextInt(26)));
        default -> {}
      }
      System.arraycopy(part, 0, bytes, at, run);
      at += run;
    }
    return bytes;
  }

  static byte[] deflated(byte[] bytes) {
    Deflater deflater = new Deflater(9, true);
    deflater.setInput(bytes);
    deflater.finish();
    byte[] out = new byte[2 * bytes.length + 64];
    int length = deflater.deflate(out);
    deflater.end();
    return Arrays.copyOf(out, length);
  }

  private static Kind kind(byte[] bytes, int size, int cluster, boolean zeroFlag) {
    byte[] part = Arrays.copyOfRange(bytes, cluster * size, (cluster + 1) * size);
    if (Arrays.equals(part, new byte[size])) {
      Kind[] kinds = {Kind.UNALLOCATED, Kind.ZERO, Kind.ZERO_ALLOCATED, Kind.STANDARD};
      return zeroFlag ? kinds[cluster % 4] : kinds[cluster % 2 * 3];
    }
    boolean smaller = deflated(part).length < size / 2;
    return smaller && cluster % 3 != 0 ? Kind.COMPRESSED : Kind.STANDARD;
  }

  /** An image of every kind of cluster; the second snapshot follows a deleted one. */
  static byte[] image(
      int version, int bits, boolean extended, boolean zstd, byte[] one, byte[] two) {
    Qcow2Builder builder = new Qcow2Builder(version, bits).diskSize(3L << bits);
    if (extended) {
      builder.extendedL2();
    }
    builder.compression(zstd ? 1 : 0, zstd ? Zstd::compress : VmStateTest::deflated);
    int size = 1 << bits;
    builder.disk(1, bytes(7, size));
    builder.snapshot("one", one, i -> kind(one, size, i, version == 3));
    builder.disk(2, bytes(8, size));
    builder.snapshot("two", two, i -> kind(two, size, i, version == 3));
    return builder.build();
  }

  static Stream<List<Object>> shapes() {
    return Stream.of(
        List.of(2, 9, false, false),
        List.of(2, 12, false, false),
        List.of(3, 9, false, true),
        List.of(3, 12, false, false),
        List.of(3, 14, true, true),
        List.of(3, 16, false, true),
        List.of(3, 16, true, false),
        List.of(3, 21, false, true));
  }

  @ParameterizedTest
  @MethodSource("shapes")
  void everyKindOfClusterIsRead(List<Object> shape) throws Exception {
    int bits = (int) shape.get(1);
    byte[] one = bytes(1, Math.max(300_001, (3 << bits) + 5));
    byte[] two = bytes(2, (2 << bits) - 1);
    byte[] image =
        image((int) shape.get(0), bits, (boolean) shape.get(2), (boolean) shape.get(3), one, two);
    Path file = Files.write(directory.resolve("disk.qcow2"), image);
    try (Qcow2Image opened = Qcow2Image.open(file)) {
      assertArrayEquals(one, read(opened, "one"));
      assertArrayEquals(two, read(opened, "two"));
      VmState state = opened.vmState(opened.find("1"), "x");
      SplittableRandom random = new SplittableRandom(3);
      for (int i = 0; i < 300; i++) {
        int at = random.nextInt(one.length);
        int length = random.nextInt(Math.min(one.length - at, 40_000) + 1);
        assertArrayEquals(
            Arrays.copyOfRange(one, at, at + length), state.bytes(new Span(at, length)));
      }
    }
  }

  /** The builder's images are QEMU's too: it finds nothing wrong and reads the same bytes. */
  @ParameterizedTest
  @CsvSource({"2,9,false", "3,12,false", "3,16,true"})
  void qemuReadsTheImagesTheTestsAreMadeOf(int version, int bits, boolean extended)
      throws Exception {
    byte[] one = bytes(1, 130_000);
    byte[] two = bytes(2, 70_001);
    byte[] image = image(version, bits, extended, bits == 16, one, two);
    QemuImage qemu = new QemuImage(Files.write(directory.resolve("disk.qcow2"), image));
    qemu.check();
    assertArrayEquals(one, qemu.vmState("one", one.length));
    assertArrayEquals(two, qemu.vmState("two", two.length));
    assertArrayEquals(
        bytes(7, 1 << bits), Arrays.copyOfRange(qemu.disk("one"), 1 << bits, 2 << bits));
  }

  @ParameterizedTest
  @CsvSource(
      quoteCharacter = '\'',
      value = {
        "'compat=0.10'",
        "'cluster_size=512'",
        "'cluster_size=4k'",
        "'cluster_size=2M'",
        "'extended_l2=on,cluster_size=32k'",
        "'refcount_bits=64'",
        "'refcount_bits=4'",
        "'lazy_refcounts=on,compression_type=zstd'"
      })
  void whatQemuWroteIsRead(String options) throws Exception {
    byte[] one = bytes(3, 200_000);
    byte[] two = bytes(4, 99_999);
    byte[] three = bytes(5, 1);
    QemuImage image = QemuImage.create(directory.resolve("disk.qcow2"), 1 << 20, options);
    image.io("write -q -P 5 64k 100k").save("one", one).save("deleted", bytes(6, 150_000));
    image.save("two", two).snapshot("-d", "deleted").save("3", three);
    try (Qcow2Image opened = Qcow2Image.open(image.file())) {
      assertArrayEquals(one, read(opened, "one"));
      assertArrayEquals(two, read(opened, "two"));
      assertArrayEquals(three, read(opened, "3"));
      assertEquals("'one' (id 1), 'two' (id 3), '3' (id 4)", opened.list());
      assertEquals("two", opened.find("two").name());
      // A name goes before an id.
      assertEquals("4", opened.find("3").id());
    }
    assertArrayEquals(one, image.vmState("one", one.length));
  }

  /** QEMU writes compressed clusters to the disk alone: the disk's end is made VM state. */
  @ParameterizedTest
  @CsvSource({"zlib,4k", "zstd,4k", "zlib,512", "zstd,2M", "zlib,64k"})
  void compressedClustersOfQemuAreRead(String type, String clusterSize) throws Exception {
    QemuImage image =
        QemuImage.create(
            directory.resolve("disk.qcow2"),
            64L << 20,
            "compression_type=%s,cluster_size=%s".formatted(type, clusterSize));
    byte[] bytes = bytes(9, 6 << 20);
    Path pattern = Files.write(directory.resolve("pattern"), bytes);
    image.io("write -q -c -s %s 32M %d".formatted(pattern, bytes.length)).snapshot("-c", "s");
    ByteBuffer words = ByteBuffer.wrap(Files.readAllBytes(image.file()));
    // The snapshot's disk ends where the compressed clusters begin, for clusters up to 4 KiB; with
    // larger ones no L1 entry begins there, and the VM state is taken from the disk's start on.
    int entry = (int) words.getLong(64);
    boolean small = !clusterSize.equals("64k") && !clusterSize.equals("2M");
    words.putLong(entry + 48, small ? 32 << 20 : 0).putLong(entry + 40, small ? 6 << 20 : 38 << 20);
    Files.write(image.file(), words.array());
    try (Qcow2Image opened = Qcow2Image.open(image.file())) {
      byte[] read = read(opened, "s");
      assertArrayEquals(bytes, Arrays.copyOfRange(read, read.length - bytes.length, read.length));
    }
  }

  /** Although QEMU fills up the cluster it writes last from there. */
  @Test
  void vmStateNeverComesFromTheBackingFile() throws Exception {
    Path backing = directory.resolve("backing.qcow2");
    QemuImage.create(backing, 4 << 20, "").io("write -q -P 9 0 4M");
    byte[] state = bytes(1, 100_000);
    QemuImage image =
        QemuImage.create(
            directory.resolve("disk.qcow2"),
            1 << 20,
            "cluster_size=4k,backing_fmt=qcow2,backing_file=" + backing);
    image.save("s", state).saySize("s", 300_000);
    try (Qcow2Image opened = Qcow2Image.open(image.file())) {
      byte[] read = read(opened, "s");
      assertArrayEquals(state, Arrays.copyOf(read, state.length));
      assertArrayEquals(new byte[300_000 - 0x19000], Arrays.copyOfRange(read, 0x19000, 300_000));
      assertEquals(
          backing.toString(),
          new String(
              opened.file().bytes(opened.header().backingFile().orElseThrow()),
              StandardCharsets.UTF_8));
    }
  }

  /** The snapshot's VM state lies behind the disk it was taken of. */
  @Test
  void theDiskMayHaveAnotherSizeNow() throws Exception {
    byte[] state = bytes(1, 100_000);
    QemuImage image = QemuImage.create(directory.resolve("disk.qcow2"), 1 << 20, "cluster_size=4k");
    image.save("s", state);
    new ProcessBuilder("qemu-img", "resize", "-q", image.file().toString(), "64M")
        .inheritIO()
        .start()
        .waitFor();
    try (Qcow2Image opened = Qcow2Image.open(image.file())) {
      assertEquals(64 << 20, opened.header().diskSize());
      assertArrayEquals(state, read(opened, "s"));
    }
  }

  @Test
  void aReadBehindTheEndIsRefused() throws Exception {
    byte[] state = bytes(1, 9_000);
    Qcow2Builder builder = new Qcow2Builder(3, 9);
    builder.snapshot("s", state);
    Path file = Files.write(directory.resolve("disk.qcow2"), builder.build());
    try (Qcow2Image opened = Qcow2Image.open(file)) {
      VmState read = opened.vmState(opened.find("s"), "disk#s");
      assertEquals(9_000, read.size());
      assertEquals("disk#s", read.name());
      assertThrows(EOFException.class, () -> read.read(8_999, ByteBuffer.allocate(2)));
      assertThrows(EOFException.class, () -> read.read(-1, ByteBuffer.allocate(2)));
    }
  }

  /** A stream's head with the capability, as QEMU 11.1 writes it. */
  private static byte[] head(String capability) {
    byte[] name = capability.getBytes(StandardCharsets.US_ASCII);
    byte[] subsection = "configuration/capabilities".getBytes(StandardCharsets.US_ASCII);
    ByteBuffer head = ByteBuffer.allocate(96);
    head.putInt(0x5145564d).putInt(3).put((byte) 7).putInt(2).put(new byte[] {'p', 'c'});
    head.put((byte) 5).put((byte) subsection.length).put(subsection).putInt(1);
    return head.putInt(1).put((byte) name.length).put(name).array();
  }

  /** QEMU counts the bytes it writes, and mapped-ram leaves holes between them. */
  @Test
  void aMappedRamStreamReachesAsFarAsItsClusters() throws Exception {
    byte[] state = Arrays.copyOf(head("mapped-ram"), 300_000);
    Arrays.fill(state, 250_000, 300_000, (byte) 1);
    Path file = directory.resolve("disk.qcow2");
    for (int bits : new int[] {9, 16}) {
      int size = 1 << bits;
      Qcow2Builder builder = new Qcow2Builder(3, bits);
      builder.snapshot(
          "mapped",
          state,
          i -> i == 0 || (i + 1) * size > 250_000 ? Kind.STANDARD : Kind.values()[1 + i % 2]);
      builder.snapshot("plain", Arrays.copyOf(head("x-ignore-shared"), 300_000));
      byte[] image = builder.build();
      ByteBuffer words = ByteBuffer.wrap(image);
      int entry = (int) words.getLong(64);
      words.putInt(entry + 32, 50_064).putLong(entry + 40, 50_064);
      words.putLong(entry + 72 + 40, 50_064);
      Files.write(file, image);
      try (Qcow2Image opened = Qcow2Image.open(file)) {
        byte[] read = read(opened, "mapped");
        assertArrayEquals(Arrays.copyOf(state, 300_000 + (-300_000 & size - 1)), read);
        assertEquals(50_064, read(opened, "plain").length);
      }
    }
  }

  static byte[] read(Qcow2Image image, String name) throws IOException {
    VmState state = image.vmState(image.find(name), name);
    return state.bytes(new Span(0, state.size()));
  }
}
