package dev.vmstate.snapshot;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vmstate.bytes.FormatException;
import dev.vmstate.bytes.OpenSource;
import dev.vmstate.bytes.Progress;
import dev.vmstate.bytes.UnsupportedFormatException;
import dev.vmstate.compress.Compression;
import dev.vmstate.compress.ForwardSource;
import dev.vmstate.container.Container;
import dev.vmstate.container.Containers;
import dev.vmstate.container.SnapshotName;
import dev.vmstate.device.DeviceSection;
import dev.vmstate.fixtures.MigrationStreamBuilder;
import dev.vmstate.ram.PageVisitor;
import dev.vmstate.ram.RamIndex;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.SequenceInputStream;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** A compressed stream, and one from a pipe, say what the plain file says. */
class ForwardSnapshotTest {
  @TempDir private Path dir;

  private static byte[] compressed(Compression compression, byte[] bytes) throws IOException {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    try (OutputStream packing = compression.compress(out)) {
      packing.write(bytes);
    }
    return out.toByteArray();
  }

  private StreamSnapshot plain(byte[] stream) throws IOException {
    return StreamSnapshot.open(Files.write(dir.resolve("plain.mig"), stream));
  }

  /** {@code window}: MiB that are kept. */
  private static StreamSnapshot pipe(byte[] bytes, int window) throws IOException {
    return open(new ForwardSource("pipe", new ArrayFeed(bytes, false), window));
  }

  private static StreamSnapshot open(OpenSource source) throws IOException {
    return StreamSnapshot.of(Containers.of(SnapshotName.parse("-"), source));
  }

  private static String described(StreamSnapshot snapshot) throws IOException {
    StreamLayout layout = snapshot.layout();
    List<String> lines = new ArrayList<>();
    lines.add(snapshot.machine() + " " + snapshot.blocks());
    snapshot.cpus().forEach(cpu -> lines.add(cpu.registers().toString()));
    lines.add(layout.ramAppendAt() + " " + layout.vmdesc() + " " + layout.end());
    for (DeviceSection device : layout.devices()) {
      lines.add(device.label() + device.record() + device.payload() + device.decoded());
      byte[] payload = snapshot.stream().bytes(device.payload());
      lines.add(Arrays.hashCode(payload) + " " + device.root().children().size() + device.note());
    }
    lines.add(snapshot.memoryMap().ranges() + " " + snapshot.memoryMap().reasons());
    return String.join("\n", lines);
  }

  private static List<String> pages(StreamSnapshot snapshot) throws IOException {
    List<String> seen = new ArrayList<>();
    RamIndex index =
        snapshot.scan(
            new PageVisitor() {
              @Override
              public void data(int block, long page, ByteBuffer bytes, int at, long offset) {
                byte[] copy = new byte[4096];
                bytes.get(at, copy);
                seen.add("%d/%d@%x: %x".formatted(block, page, offset, Arrays.hashCode(copy)));
              }

              @Override
              public void fill(int block, long page, int value) {
                seen.add("%d/%d: %d".formatted(block, page, value));
              }
            });
    for (int block = 0; block < snapshot.blocks().size(); block++) {
      seen.add(index.counts(block).toString());
    }
    return seen;
  }

  private static MigrationStreamBuilder early() {
    return Streams.devices(
        Streams.head("pc-q35-10.0")
            .device("virtio-mem-device-early", 1, d -> d.u64("size", 7).u64("block", 8))
            .part(p -> p.page("pc.ram", 0, new byte[] {1}))
            .command(11)
            .end(p -> p.zeros("pc.ram", 1, 2)));
  }

  private static List<MigrationStreamBuilder> kinds() {
    return List.of(
        Streams.everything(),
        Streams.everything().withoutVmdesc(),
        Streams.everything().withoutFooters(),
        Streams.everything().withoutConfiguration(),
        Streams.everything().padding(100_000),
        Streams.head("pc-i440fx-7.2")
            .end(p -> p.zeros("pc.ram", 0, 3))
            .device("cpu", 0, 12, "cpu", d -> d.array("env.regs", "uint64", new long[16])),
        early());
  }

  @Test
  void aPipeSaysWhatTheFileSays() throws IOException {
    for (MigrationStreamBuilder kind : kinds()) {
      byte[] bytes = kind.build();
      try (StreamSnapshot file = plain(bytes);
          StreamSnapshot pages = plain(bytes);
          StreamSnapshot pipe = pipe(bytes, 1)) {
        assertEquals(pages(pages), pages(pipe));
        assertEquals(described(file), described(pipe));
        assertEquals(bytes.length, pipe.fileSize());
        assertTrue(pipe.facts().isEmpty());
      }
    }
  }

  @ParameterizedTest
  @EnumSource
  void aCompressedFileSaysWhatThePlainOneSays(Compression compression) throws IOException {
    for (MigrationStreamBuilder kind : kinds()) {
      byte[] bytes = kind.build();
      byte[] packed = compressed(compression, bytes);
      Path path = Files.write(dir.resolve("packed"), packed);
      try (StreamSnapshot file = plain(bytes);
          StreamSnapshot unpacked = StreamSnapshot.open(path)) {
        assertEquals(described(file), described(unpacked));
        assertEquals(pages(file), pages(unpacked), "a second time");
        assertEquals("qemu-stream", unpacked.container());
        assertEquals(
            List.of(new Container.Fact("compression", compression.toString())), unpacked.facts());
        assertEquals(packed.length, unpacked.fileSize());
        assertTrue(unpacked.stream().forward());
        unpacked.scratch(dir);
        unpacked.randomAccess(Progress.NONE);
        assertFalse(unpacked.stream().forward());
        assertEquals(described(file), described(unpacked));
        assertEquals(pages(file), pages(unpacked));
      }
    }
  }

  @Test
  void aCompressedStreamMayComeThroughAPipe() throws IOException {
    byte[] bytes =
        Streams.devices(
                new MigrationStreamBuilder("pc-i440fx-7.2")
                    .block("pc.ram", 0x600000)
                    .block("0000:00:02.0/vga.vram", 0x2000)
                    .end(p -> p.pages("pc.ram", 0, 0x600, 1).zeros("0000:00:02.0/vga.vram", 0, 2)))
            .build();
    byte[] packed = compressed(Compression.GZIP, bytes);
    try (StreamSnapshot file = plain(bytes);
        StreamSnapshot pipe = pipe(packed, 2)) {
      assertEquals(described(file), described(pipe));
      assertEquals(packed.length, pipe.fileSize());
    }
    try (StreamSnapshot pipe = pipe(bytes, 2)) {
      pipe.devices();
      UnsupportedFormatException e =
          assertThrows(UnsupportedFormatException.class, () -> pipe.scan(Snapshot.NOTHING));
      assertTrue(e.getMessage().contains("came through a pipe and have passed"), e.getMessage());
    }
    try (StreamSnapshot file = plain(bytes);
        StreamSnapshot pipe = pipe(packed, 2)) {
      pipe.scratch(dir);
      byte[] memory = new byte[0x500000];
      byte[] expected = new byte[0x500000];
      pipe.memory().readBlock(0, 0x20000, ByteBuffer.wrap(memory));
      file.memory().readBlock(0, 0x20000, ByteBuffer.wrap(expected));
      assertArrayEquals(expected, memory, "memory is asked for before the pipe has passed");
    }
  }

  /** What a guest can put into a device's state: the end of the section, and of the stream. */
  @Test
  void aPayloadThatLooksLikeTheEndIsPassedOver() throws IOException {
    byte[] bytes =
        Streams.withRam()
            .device("first", 1, d -> d.u32("x", 1))
            .device(
                "forged",
                1,
                d -> d.buffer("b", new byte[] {0x7e, 0, 0, 0, 4, 0, 0x7e, 0, 0, 0, 4, 4, 1, 2}))
            .device("last", 1, d -> d.u32("x", 2))
            .build();
    try (StreamSnapshot file = plain(bytes);
        StreamSnapshot pipe = pipe(bytes, 1)) {
      assertEquals(described(file), described(pipe));
      assertEquals(3, pipe.devices().size());
    }
  }

  /** A machine with several backends: the ACPI tables decide, and they are pages of the stream. */
  @Test
  void theTablesTheMapNeedsAreKeptWhileTheyPass() throws IOException {
    byte[] bytes =
        new MigrationStreamBuilder("pc-q35-7.2")
            .block("ram-node0", 0x4000)
            .block("ram-node1", 0x4000)
            .block("/rom@etc/acpi/tables", 0x2000)
            .end(
                p ->
                    p.page("/rom@etc/acpi/tables", 0, new byte[] {7})
                        .page("/rom@etc/acpi/tables", 1, new byte[] {9})
                        .zeros("ram-node0", 0, 2))
            .device("cpu", 0, 12, "cpu", d -> d.array("env.regs", "uint64", new long[16]))
            .build();
    try (StreamSnapshot file = plain(bytes);
        StreamSnapshot pipe = pipe(bytes, 1)) {
      assertEquals(described(file), described(pipe));
    }
  }

  private static byte[] noise(int length) {
    byte[] bytes = new byte[length];
    new Random(1).nextBytes(bytes);
    return bytes;
  }

  @Test
  void devicesLargerThanTheWindowAreReadTwiceWhereThatCanBeDone() throws IOException {
    byte[] bytes =
        Streams.withRam()
            .device("first", 1, d -> d.buffer("b", noise(1_500_000)))
            .device("second", 1, d -> d.buffer("b", noise(2_500_000)))
            .device("third", 1, d -> d.u32("x", 3))
            .build();
    try (StreamSnapshot file = plain(bytes);
        StreamSnapshot again = open(new ForwardSource("a.gz", new ArrayFeed(bytes, true), 1))) {
      assertEquals(described(file), described(again));
    }
    try (StreamSnapshot pipe = pipe(bytes, 1)) {
      FormatException e = assertThrows(FormatException.class, () -> described(pipe));
      assertTrue(e.getMessage().contains("came through a pipe"), e.getMessage());
    }
    try (StreamSnapshot file = plain(bytes);
        StreamSnapshot pipe = pipe(bytes, 8)) {
      assertEquals(described(file), described(pipe));
    }
  }

  /** A state volume is larger than the stream in it, and was so when it was compressed. */
  @Test
  void whatStandsBehindTheStreamIsNotInTheWay() throws IOException {
    byte[] stream = Streams.everything().build();
    for (byte fill : new byte[] {0, 'x'}) {
      byte[] bytes = Arrays.copyOf(stream, stream.length + 5_000_000);
      Arrays.fill(bytes, stream.length, bytes.length, fill);
      try (StreamSnapshot file = plain(stream);
          StreamSnapshot pipe = pipe(bytes, 1)) {
        assertEquals(described(file), described(pipe));
        assertEquals(bytes.length, pipe.fileSize(), "it was read to the end");
      }
    }
  }

  @Test
  void whatIsCutShortIsSaidSo() throws IOException {
    byte[] bytes = Streams.everything().build();
    byte[] cut = Arrays.copyOf(bytes, 5000);
    Path path = Files.write(dir.resolve("cut"), compressed(Compression.ZSTD, cut));
    try (StreamSnapshot snapshot = StreamSnapshot.open(path)) {
      FormatException e = assertThrows(FormatException.class, snapshot::devices);
      assertTrue(e.getMessage().startsWith(path + " (decompressed): at offset 0x"), e.getMessage());
      assertTrue(e.getMessage().contains("cut short"), e.getMessage());
    }
    byte[] packed = compressed(Compression.GZIP, bytes);
    Path damaged = Files.write(dir.resolve("cut"), Arrays.copyOf(packed, packed.length - 8));
    FormatException trailer =
        assertThrows(FormatException.class, () -> StreamSnapshot.open(damaged).devices());
    assertEquals(
        "%s: at offset 0x%x: the gzip data is cut short here".formatted(damaged, packed.length - 8),
        trailer.getMessage());
    Files.write(path, compressed(Compression.GZIP, new byte[1 << 20]));
    FormatException zeros =
        assertThrows(FormatException.class, () -> StreamSnapshot.open(path).devices());
    assertTrue(zeros.getMessage().contains("magic 00000000"), zeros.getMessage());
  }

  /** Gives {@code front} and then {@code again} for ever. */
  private static ForwardSource endless(byte[] front, byte[] again) {
    InputStream repeated =
        new InputStream() {
          private int at;

          @Override
          public int read() {
            throw new AssertionError("byte by byte");
          }

          @Override
          public int read(byte[] into, int from, int length) {
            int part = Math.min(length, again.length - at);
            System.arraycopy(again, at, into, from, part);
            at = (at + part) % again.length;
            return part;
          }
        };
    return new ForwardSource(
        "bomb",
        new dev.vmstate.compress.Feed() {
          @Override
          public InputStream open() {
            return new SequenceInputStream(new ByteArrayInputStream(front), repeated);
          }

          @Override
          public boolean again() {
            return false;
          }

          @Override
          public long consumed() {
            return 0;
          }
        });
  }

  @Test
  void pagesThatNeverEndAreStopped() throws IOException {
    byte[] bytes = Streams.withRam().build();
    int setup;
    try (StreamSnapshot snapshot = plain(bytes)) {
      setup = (int) snapshot.ram().span().end();
    }
    ByteArrayOutputStream front = new ByteArrayOutputStream();
    front.write(bytes, 0, setup);
    front.writeBytes(new byte[] {2, 0, 0, 0, MigrationStreamBuilder.RAM_SECTION_ID});
    front.writeBytes(new byte[] {0, 0, 0, 0, 0, 0, 0x10, 2, 6});
    front.writeBytes("pc.ram".getBytes("ASCII"));
    front.write(0);
    ByteBuffer page = ByteBuffer.allocate(30 * 4104);
    while (page.hasRemaining()) {
      page.putLong(0x1028).put(noise(4096));
    }
    for (boolean spill : new boolean[] {false, true}) {
      byte[] again = spill ? new byte[1 << 16] : page.array(); // zeros take no room on disk
      try (StreamSnapshot snapshot = open(endless(front.toByteArray(), again))) {
        snapshot.scratch(dir);
        FormatException e =
            assertThrows(
                FormatException.class,
                () -> {
                  if (spill) {
                    snapshot.randomAccess(Progress.NONE);
                  } else {
                    snapshot.devices();
                  }
                });
        assertTrue(
            e.getMessage().contains("the stream declares 0xa000 bytes of RAM, but goes on to here"),
            e.getMessage());
      }
    }
    try (var files = Files.list(dir)) {
      assertEquals(1, files.count(), "the plain file");
    }
  }

  @Test
  void aDescriptionThatNeverEndsIsStopped() throws IOException {
    byte[] bytes = Streams.withRam().withoutVmdesc().build();
    byte[] spaces = new byte[1 << 16];
    Arrays.fill(spaces, (byte) ' ');
    for (byte length : new byte[] {1, 0x7f}) {
      ByteArrayOutputStream front = new ByteArrayOutputStream();
      front.writeBytes(bytes);
      front.writeBytes(new byte[] {6, length, 0, 0, 0, '{'});
      try (StreamSnapshot snapshot = open(endless(front.toByteArray(), spaces))) {
        FormatException e = assertThrows(FormatException.class, snapshot::devices);
        assertTrue(e.getMessage().contains("desc"), e.getMessage());
      }
    }
  }
}
