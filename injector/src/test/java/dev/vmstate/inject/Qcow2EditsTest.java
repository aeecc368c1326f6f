package dev.vmstate.inject;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vmstate.bytes.FormatException;
import dev.vmstate.bytes.Patch;
import dev.vmstate.bytes.Progress;
import dev.vmstate.bytes.Span;
import dev.vmstate.fixtures.Qcow2Builder;
import dev.vmstate.fixtures.Qcow2Builder.Kind;
import dev.vmstate.fixtures.QemuImage;
import dev.vmstate.qcow2.Qcow2Image;
import dev.vmstate.qcow2.VmState;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.function.Consumer;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import java.util.zip.Deflater;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

/** Edits of VM state in images of every shape, judged by qemu-img and by what was asked for. */
class Qcow2EditsTest {
  @TempDir private Path directory;

  /** Patches at any place, and bytes that push the rest up. */
  private static final class Edit implements StreamEdits {
    private final List<Patch> patches;
    private final long appendAt;
    private final byte[] added;

    Edit(List<Patch> patches, long appendAt, byte[] added) {
      this.patches = patches;
      this.appendAt = appendAt;
      this.added = added;
    }

    @Override
    public long appendAt() {
      return appendAt;
    }

    static Edit random(SplittableRandom random, int size, int count, int growth) {
      List<Patch> patches = new ArrayList<>();
      for (int i = 0; i < count; i++) {
        int at = random.nextInt(size);
        byte[] bytes = new byte[1 + random.nextInt(Math.min(size - at, 3000))];
        random.nextBytes(bytes);
        patches.add(Patch.of(at, bytes));
      }
      byte[] added = new byte[growth];
      random.nextBytes(added);
      return new Edit(patches, random.nextInt(size + 1), added);
    }

    @Override
    public void tell(StreamTarget target) throws IOException {
      // Added bytes come in pieces, between patches.
      int half = added.length / 2;
      if (half > 0) {
        target.append(ByteBuffer.wrap(added, 0, half));
      }
      for (Patch patch : patches) {
        // Not over the point where bytes are put in: no edit of a stream does that.
        int length = (int) patch.where().length();
        int front = (int) Math.max(0, Math.min(length, appendAt - patch.where().offset()));
        for (int[] part : new int[][] {{0, front}, {front, length}}) {
          if (part[1] > part[0]) {
            target.patch(
                new Patch(
                    new Span(patch.where().offset() + part[0], part[1] - part[0]),
                    patch.with().slice(part[0], part[1] - part[0])));
          }
        }
      }
      if (added.length > half) {
        target.append(ByteBuffer.wrap(added, half, added.length - half));
      }
    }

    byte[] applied(byte[] to) {
      byte[] bytes = to.clone();
      for (Patch patch : patches) {
        patch.with().get(bytes, (int) patch.where().offset(), (int) patch.where().length());
      }
      ByteBuffer out = ByteBuffer.allocate(bytes.length + added.length);
      out.put(bytes, 0, (int) appendAt).put(added);
      return out.put(bytes, (int) appendAt, bytes.length - (int) appendAt).array();
    }
  }

  static byte[] bytes(long seed, int length) {
    byte[] bytes = new byte[length];
    SplittableRandom random = new SplittableRandom(seed);
    for (int at = 0; at < length; ) {
      int run = Math.min(length - at, 1 + random.nextInt(20_000));
      if (random.nextBoolean()) {
        byte[] part = new byte[run];
        random.nextBytes(part);
        System.arraycopy(part, 0, bytes, at, run);
      }
      at += run;
    }
    return bytes;
  }

  static byte[] state(Path image, String name) throws IOException {
    try (Qcow2Image opened = Qcow2Image.open(image)) {
      VmState state = opened.vmState(opened.find(name), name);
      return state.bytes(new Span(0, state.size()));
    }
  }

  private Path written(Path image, String name, StreamEdits edit) throws IOException {
    Path output = directory.resolve("new.qcow2");
    try (Qcow2Image opened = Qcow2Image.open(image)) {
      FileEdits edits = new Qcow2Edits(edit, opened.vmState(opened.find(name), name));
      EditSize size = EditSize.of(edits, opened.file().size());
      EditedCopy.write(image, output, edits, size, Progress.NONE);
    }
    return output;
  }

  private static void inPlace(Path image, String name, StreamEdits edit, Opener opener)
      throws IOException {
    try (Qcow2Image opened = Qcow2Image.open(image)) {
      FileEdits edits = new Qcow2Edits(edit, opened.vmState(opened.find(name), name));
      try (InPlace change = new InPlace(image, opener)) {
        change.carryOut(opened.file().size(), edits.appendAt(), edits);
      }
    }
  }

  /**
   * Edits {@code name} in a new file and in place: both give the same bytes, qemu-img finds nothing
   * wrong with them, the VM state is what was asked for, and undo gives the old file.
   */
  private QemuImage edited(Path image, String name, Edit edit) throws Exception {
    byte[] before = Files.readAllBytes(image);
    byte[] expected = edit.applied(state(image, name));
    QemuImage fresh = new QemuImage(written(image, name, edit));
    fresh.check();
    assertArrayEquals(expected, state(fresh.file(), name));
    Path changed = Files.write(directory.resolve("changed.qcow2"), before);
    inPlace(changed, name, edit, Opener.PLAIN);
    assertEquals(-1, Files.mismatch(fresh.file(), changed));
    InPlace.undo(changed);
    assertArrayEquals(before, Files.readAllBytes(changed));
    return fresh;
  }

  private static byte[] deflated(byte[] bytes) {
    Deflater deflater = new Deflater(9, true);
    deflater.setInput(bytes);
    deflater.finish();
    byte[] out = new byte[bytes.length + 64];
    int length = deflater.deflate(out);
    deflater.end();
    return Arrays.copyOf(out, length);
  }

  private static Kind kind(byte[] bytes, int size, int cluster, boolean zeroFlag) {
    byte[] part = Arrays.copyOfRange(bytes, cluster * size, (cluster + 1) * size);
    if (Arrays.equals(part, new byte[size])) {
      Kind[] kinds = {Kind.UNALLOCATED, Kind.ZERO, Kind.ZERO_ALLOCATED, Kind.COMPRESSED};
      return zeroFlag ? kinds[cluster % 4] : kinds[cluster % 2 * 3];
    }
    return deflated(part).length < size / 2 ? Kind.COMPRESSED : Kind.STANDARD;
  }

  static Stream<Object[]> randomShapes() {
    Long one = Long.getLong("vmstate.seed");
    LongStream seeds = one != null ? LongStream.of(one) : LongStream.range(0, 16);
    return seeds.mapToObj(seed -> new Object[] {seed});
  }

  /** Every kind of cluster, small tables, loaded or not, narrow and wide refcounts. */
  @ParameterizedTest(name = "-Dvmstate.seed={0}")
  @MethodSource("randomShapes")
  void anyEditOfAnyImageLeavesAConsistentImage(long seed) throws Exception {
    SplittableRandom random = new SplittableRandom(seed);
    boolean extended = random.nextInt(4) == 0;
    int version = extended ? 3 : 2 + random.nextInt(2);
    int bits = extended ? 14 : 9 + random.nextInt(4);
    int size = 1 << bits;
    Qcow2Builder builder = new Qcow2Builder(version, bits).diskSize(5L * size);
    builder.compression(0, Qcow2EditsTest::deflated);
    if (version == 3) {
      builder.refcountOrder(1 + random.nextInt(6)).autoclear(random.nextInt(2) * 0x10L);
    }
    if (extended) {
      builder.extendedL2();
    }
    builder.disk(0, bytes(seed + 1, size)).disk(3, bytes(seed + 2, size));
    byte[] one = bytes(seed + 3, 1 + random.nextInt(150_000));
    byte[] two = bytes(seed + 4, 1 + random.nextInt(60_000));
    Qcow2Builder.Snapshot first =
        builder.snapshot("one", one, i -> kind(one, size, i, version == 3));
    if (random.nextBoolean()) {
      first.loaded();
      if (random.nextBoolean()) {
        builder.disk(4, bytes(seed + 5, size));
      }
    }
    if (version == 2 && random.nextBoolean()) {
      first.extra(random.nextInt(3) * 8);
    }
    builder.snapshot("two", two);
    Path image = Files.write(directory.resolve("disk.qcow2"), builder.build());
    QemuImage before = new QemuImage(image);
    before.check();
    for (int round = 0; round < 3; round++) {
      int growth = random.nextInt(2) * random.nextInt(120_000);
      int length = state(image, "one").length;
      QemuImage after =
          edited(image, "one", Edit.random(random, length, random.nextInt(8), growth));
      assertArrayEquals(two, state(after.file(), "two"));
      Files.copy(after.file(), image, StandardCopyOption.REPLACE_EXISTING);
    }
    assertArrayEquals(bytes(seed + 1, size), Arrays.copyOf(before.disk("one"), size));
    assertArrayEquals(
        bytes(seed + 2, size), Arrays.copyOfRange(before.disk("two"), 3 * size, 4 * size));
    assertArrayEquals(bytes(seed + 1, size), Arrays.copyOf(before.disk(""), size));
  }

  /** As QEMU's tools make them: the active disk shares the VM state, another snapshot too. */
  @ParameterizedTest
  @CsvSource(
      quoteCharacter = '\'',
      value = {
        "'compat=0.10,cluster_size=4k'",
        "'cluster_size=512'",
        "'cluster_size=2M'",
        "'extended_l2=on,cluster_size=16k'",
        "'refcount_bits=64,cluster_size=1k'",
        "'refcount_bits=4,cluster_size=1k'"
      })
  void otherSnapshotsAndTheDiskKeepTheirBytes(String options) throws Exception {
    QemuImage image = QemuImage.create(directory.resolve("disk.qcow2"), 1 << 20, options);
    byte[] one = bytes(1, 250_000);
    byte[] two = bytes(2, 150_000);
    image.io("write -q -P 5 100k 300k").save("one", one).snapshot("-c", "disk");
    image.io("write -q -P 6 200k 300k").save("gone", bytes(3, 90_000)).save("two", two);
    image.snapshot("-d", "gone").snapshot("-a", "one").io("write -q -P 7 300k 10k");
    image.check();
    byte[] active = image.activeVmState(one.length);
    SplittableRandom random = new SplittableRandom(4);
    for (int growth : new int[] {0, 1, 70_000, 600_000}) {
      Edit edit = Edit.random(random, state(image.file(), "one").length, 4, growth);
      QemuImage after = edited(image.file(), "one", edit);
      byte[] expected = edit.applied(state(image.file(), "one"));
      assertArrayEquals(expected, after.vmState("one", expected.length));
      assertArrayEquals(two, state(after.file(), "two"));
      assertArrayEquals(active, after.activeVmState(one.length));
      for (String disk : List.of("", "one", "disk", "two")) {
        assertArrayEquals(image.disk(disk), after.disk(disk), disk);
      }
      Files.copy(after.file(), image.file(), StandardCopyOption.REPLACE_EXISTING);
    }
    // QEMU goes on with it: to the snapshot, away from it, and deletes it.
    image.snapshot("-a", "one").snapshot("-a", "two").check();
    image.snapshot("-d", "one").snapshot("-d", "two").snapshot("-d", "disk").check();
  }

  /** A growing VM state some of whose clusters are shared: every kind of change there is. */
  @Test
  void stoppedAtAnyChangeTheImageIsTakenBack() throws Exception {
    Qcow2Builder builder = new Qcow2Builder(3, 9).diskSize(3 << 9).disk(1, bytes(1, 512));
    builder.snapshot("s", bytes(2, 5000)).loaded();
    byte[] before = builder.build();
    Path image = directory.resolve("disk.qcow2");
    Edit edit = Edit.random(new SplittableRandom(1), 5000, 4, 9000);
    for (int n = 0; ; n++) {
      Files.write(image, before);
      try {
        inPlace(image, "s", edit, new FaultyChannel.Fuse(n, true).opener());
        assertTrue(n > 20, n + " changes");
        return;
      } catch (IOException e) {
        assertTrue(e.getMessage().contains("vmstate undo"), e.getMessage());
        InPlace.undo(image);
        assertArrayEquals(before, Files.readAllBytes(image), "change " + n);
      }
    }
  }

  /** With clusters of 512 bytes a table of one cluster counts 8 MiB. */
  @Test
  void theRefcountTableGrowsAndMoves() throws Exception {
    QemuImage image =
        QemuImage.create(directory.resolve("disk.qcow2"), 1 << 20, "cluster_size=512");
    byte[] state = bytes(1, 7 << 20);
    image.save("s", state);
    SplittableRandom random = new SplittableRandom(1);
    long before = table(image.file());
    QemuImage after = edited(image.file(), "s", Edit.random(random, state.length, 3, 9 << 20));
    assertTrue(table(after.file()) != before);
    byte[] grown = state(after.file(), "s");
    assertEquals(16 << 20, grown.length);
    after.snapshot("-a", "s").check();
  }

  private static long table(Path image) throws IOException {
    return ByteBuffer.wrap(Files.readAllBytes(image)).getLong(48);
  }

  /** An edit that changes few bytes of an image nobody shares writes those bytes. */
  @Test
  void bytesInAClusterOfItsOwnAreWrittenWhereTheyStand() throws Exception {
    Qcow2Builder builder = new Qcow2Builder(3, 16).diskSize(1 << 20).disk(0, bytes(1, 1 << 16));
    builder.snapshot("s", bytes(2, 1 << 20));
    byte[] before = builder.build();
    Path image = Files.write(directory.resolve("disk.qcow2"), before);
    List<Patch> patches = List.of(Patch.of(70_000, new byte[100]), Patch.of(65_530, new byte[12]));
    try (Qcow2Image opened = Qcow2Image.open(image)) {
      VmState state = opened.vmState(opened.find("s"), "s");
      FileEdits edits = new Qcow2Edits(new Edit(patches, 9, new byte[0]), state);
      assertEquals(new EditSize(112, 0, 0), EditSize.of(edits, before.length));
      edits = new Qcow2Edits(new Edit(List.of(), 9, new byte[0]), state);
      assertEquals(new EditSize(0, 0, 0), EditSize.of(edits, before.length));
    }
  }

  private void refused(byte[] image, String said) throws IOException {
    Path file = Files.write(directory.resolve("disk.qcow2"), image);
    Edit edit = new Edit(List.of(Patch.of(0, new byte[20_000])), 10_000, new byte[5000]);
    IOException e = assertThrows(IOException.class, () -> written(file, "s", edit));
    assertTrue(e.getMessage().contains(said), e.getMessage());
    assertEquals(1, e.getMessage().lines().count());
    assertArrayEquals(image, Files.readAllBytes(file));
  }

  private static byte[] damaged(Consumer<ByteBuffer> damage) {
    Qcow2Builder builder = new Qcow2Builder(3, 9).diskSize(3 << 9).disk(1, bytes(1, 512));
    builder.snapshot("s", bytes(2, 20_000));
    byte[] image = builder.build();
    damage.accept(ByteBuffer.wrap(image));
    return image;
  }

  private static int vmL1(ByteBuffer image) {
    return (int) image.getLong((int) image.getLong(64)) + 8;
  }

  private static int vmL2(ByteBuffer image) {
    return (int) image.getLong(vmL1(image));
  }

  private static int refcountAt(ByteBuffer image, long offset) {
    int block = (int) image.getLong((int) image.getLong(48) + 8 * (int) (offset / 512 / 256));
    return block + 2 * (int) (offset / 512 % 256);
  }

  @Test
  void whatMustNotBeWrittenToIsRefused() throws Exception {
    refused(damaged(b -> b.putLong(72, 1)), "cannot be written to: it is dirty");
    refused(damaged(b -> b.putLong(72, 2)), "cannot be written to: it is corrupt");
    refused(
        damaged(b -> b.putShort(refcountAt(b, b.getLong(vmL2(b))), (short) 0)),
        "leads to a cluster with refcount 0 from a table with refcount 1");
    refused(
        damaged(b -> b.putShort(refcountAt(b, vmL2(b)), (short) 2)),
        "leads to a cluster with refcount 1 from a table with refcount 2");
    refused(
        damaged(b -> b.putShort(refcountAt(b, vmL2(b)), (short) 0)),
        "from a table with refcount 0");
    refused(
        damaged(b -> b.putLong(vmL2(b), b.getLong(vmL2(b) + 8))),
        "leads to a cluster that something else stands in");
    refused(
        damaged(b -> b.putLong(vmL2(b), b.getLong((int) b.getLong(48)))),
        "leads to a cluster that something else stands in");
    refused(
        damaged(b -> b.putLong(vmL2(b), b.getLong((int) b.getLong(40)) & ~(1L << 63))),
        "leads to a cluster that something else stands in");
    Qcow2Builder wide = new Qcow2Builder(3, 16);
    wide.snapshot("s", bytes(2, 20_000));
    ByteBuffer image = ByteBuffer.wrap(wide.build());
    int block = (int) image.getLong((int) image.getLong(48));
    image.putShort(block + 2 * 30_000, (short) 1);
    refused(image.array(), "not 0, but it is far behind the end of the file");
  }

  @Test
  void aClusterCountedBehindTheEndOfTheFileStaysWhatItIs() throws Exception {
    byte[] bytes = damaged(b -> b.putShort(refcountAt(b, b.limit() + 5 * 512), (short) 1));
    Path image = Files.write(directory.resolve("disk.qcow2"), bytes);
    Edit edit = Edit.random(new SplittableRandom(1), 20_000, 20, 5000);
    byte[] expected = edit.applied(state(image, "s"));
    Path fresh = written(image, "s", edit);
    assertArrayEquals(expected, state(fresh, "s"));
    byte[] after = Files.readAllBytes(fresh);
    assertArrayEquals(
        new byte[6 * 512], Arrays.copyOfRange(after, bytes.length, bytes.length + 6 * 512));
  }

  @Test
  void anImageInUseIsRefused() throws Exception {
    Qcow2Builder builder = new Qcow2Builder(3, 9);
    builder.snapshot("s", bytes(2, 20_000));
    byte[] bytes = builder.build();
    QemuImage image = new QemuImage(Files.write(directory.resolve("disk.qcow2"), bytes));
    Process io = new ProcessBuilder("qemu-io", image.file().toString()).start();
    try {
      assertEquals(8, io.getInputStream().readNBytes(8).length);
      refused(bytes, "cannot be written to: it is in use: another program (QEMU)");
    } finally {
      io.getOutputStream().close();
      io.waitFor();
    }
  }

  @Test
  void aVmStateThatOutgrowsItsSizeFieldIsRefused() throws Exception {
    Qcow2Builder builder = new Qcow2Builder(2, 21);
    builder.snapshot("s", new byte[100]).extra(0);
    Path image = Files.write(directory.resolve("disk.qcow2"), builder.build());
    StreamEdits huge =
        new StreamEdits() {
          @Override
          public long appendAt() {
            return 50;
          }

          @Override
          public void tell(StreamTarget target) throws IOException {
            ByteBuffer zeros = ByteBuffer.allocate(1 << 24);
            for (int i = 0; i < 256; i++) {
              target.append(zeros.clear());
            }
          }
        };
    FormatException e = assertThrows(FormatException.class, () -> written(image, "s", huge));
    assertTrue(e.getMessage().contains("no room for the size of a VM state of more than 4 GiB"));
  }
}
