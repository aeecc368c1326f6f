package dev.vmstate.snapshot;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vmstate.bytes.ByteSource;
import dev.vmstate.bytes.FormatException;
import dev.vmstate.compress.ForwardSource;
import dev.vmstate.device.DeviceSection;
import dev.vmstate.fixtures.MigrationStreamBuilder;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Broken streams give a format error that says where, in bounded time and memory. */
class BadStreamTest {
  static LongStream seeds() {
    Long one = Long.getLong("vmstate.seed");
    return one != null ? LongStream.of(one) : LongStream.range(0, 40);
  }

  private static List<MigrationStreamBuilder> variants() {
    return List.of(
        Streams.everything(),
        Streams.everything().withoutVmdesc(),
        Streams.everything().withoutFooters(),
        Streams.everything().withoutConfiguration().configurationInVmdesc(),
        Streams.devices(mapped()),
        Streams.devices(packed()));
  }

  private static MigrationStreamBuilder mapped() {
    return Streams.head("pc-q35-11.1")
        .mappedRam(4096)
        .mappedPage("pc.ram", 0, 1)
        .stalePage("pc.ram", 1, 2)
        .part(p -> {});
  }

  private static MigrationStreamBuilder packed() {
    MigrationStreamBuilder stream = Streams.head("pc-i440fx-7.2").command(3);
    int block = stream.liveStart("block", 1, new byte[] {0, 0, 0, 0, 0, 0, 0, 2});
    stream.beforeRam();
    return stream
        .part(p -> p.zeros("pc.ram", 0, 3).compressed("pc.ram", 1, new byte[4096]))
        .livePart(block, new byte[] {0, 0, 0, 0, 0, 0, 2, 9, 1, 'd', 0, 0, 0, 0, 0, 0, 0, 2})
        .end(
            p ->
                p.delta("pc.ram", 0, new byte[] {1, 1, 9})
                    .delta("pc.ram", 1, new byte[] {0, 1, 7}));
  }

  /** Small enough to flip every bit: no page of data, few fields. */
  private static MigrationStreamBuilder small() {
    return Streams.head("pc-i440fx-7.2")
        .part(p -> p.zeros("pc.ram", 0, 2))
        .command(11)
        .end(p -> p.fill("pc.ram", 2, 1))
        .device("i8259", 1, d -> d.u8("irr", 1).subsection("i8259/s", 1, s -> s.u16("x", 1)))
        .device("cpu", 1, d -> d.structs("a", "b", 1, 2, (s, i) -> s.u8("x", i)))
        .oldStyleDevice("slirp", 0, 4, new byte[] {1, 2, 3});
  }

  /** Everything is asked for; a stream that is read must hold together. */
  private static boolean reads(byte[] bytes, String what) {
    boolean read = reads(ByteSource.of("a.mig", bytes), bytes, what);
    if (bytes.length % 3 == 0 || what.hashCode() % 3 == 0) { // not always: it takes time
      ByteSource forward = new ForwardSource("a.mig", new ArrayFeed(bytes));
      assertEquals(read, reads(forward, bytes, what), what + ": read from front to back");
    }
    return read;
  }

  private static boolean reads(ByteSource source, byte[] bytes, String what) {
    try {
      WholeReading.all(source);
      return true;
    } catch (FormatException e) {
      assertTrue(e.getMessage().contains("at offset 0x"), what + ": " + e.getMessage());
      assertTrue(e.offset() >= 0 && e.offset() <= bytes.length, what + ": " + e.getMessage());
      return false;
    } catch (IOException | RuntimeException | Error e) {
      throw new AssertionError(what + ": " + e, e);
    }
  }

  @Test
  void aStreamCutAnywhereIsRefusedUnlessAllItsRecordsAreThere() throws Exception {
    for (MigrationStreamBuilder stream :
        List.of(
            Streams.everything(),
            small(),
            small().withoutVmdesc(),
            small().withoutConfiguration())) {
      byte[] bytes = stream.build();
      StreamLayout whole = WholeReading.all(bytes);
      long eof = whole.vmdesc().map(json -> json.offset() - 6).orElse(bytes.length - 1L);
      for (int cut = 0; cut < bytes.length; cut++) {
        if (reads(Arrays.copyOf(bytes, cut), "cut at " + cut)) {
          // a stream without description ends so
          assertEquals(eof + 1, cut);
          StreamLayout layout = WholeReading.all(Arrays.copyOf(bytes, cut));
          assertEquals(payloads(whole), payloads(layout));
          assertEquals(whole.ramAppendAt(), layout.ramAppendAt());
        }
      }
    }
  }

  /** Without footers nothing tells the byte 00 that ends a stream from one of the last device's. */
  @Test
  void aStreamWithoutFootersCutAnywhereIsReadOrRefused() {
    byte[] bytes = small().withoutFooters().build();
    for (int cut = 0; cut < bytes.length; cut++) {
      boolean read = reads(Arrays.copyOf(bytes, cut), "cut at " + cut);
      assertTrue(!read || bytes[cut - 1] == 0, "cut at " + cut);
    }
  }

  private static List<String> payloads(StreamLayout layout) {
    return layout.devices().stream()
        .map(DeviceSection::payload)
        .map(payload -> payload.toString())
        .toList();
  }

  @Test
  void everyFlippedBitIsReadOrRefused() {
    for (MigrationStreamBuilder stream :
        List.of(
            small(),
            small().withoutVmdesc(),
            small().withoutFooters(),
            packed().globalState("paused"))) {
      byte[] bytes = stream.build();
      for (int bit = 0; bit < 8 * bytes.length; bit++) {
        byte[] flipped = bytes.clone();
        flipped[bit / 8] ^= (byte) (1 << bit % 8);
        reads(flipped, "bit " + bit);
      }
    }
  }

  @ParameterizedTest(name = "-Dvmstate.seed={0}")
  @MethodSource("seeds")
  void mutatedStreamsAreReadOrRefused(long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    List<MigrationStreamBuilder> variants = variants();
    byte[] bytes = variants.get(random.nextInt(variants.size())).build();
    for (int round = 0; round < 60; round++) {
      reads(mutated(bytes, random), "-Dvmstate.seed=" + seed + " round " + round);
    }
  }

  private static byte[] mutated(byte[] bytes, SplittableRandom random) {
    byte[] mutant = bytes.clone();
    for (int n = random.nextInt(1, 5); n-- > 0; ) {
      int at = random.nextInt(mutant.length);
      int length = Math.min(mutant.length - at, random.nextInt(1, 9));
      switch (random.nextInt(7)) {
        case 0 -> mutant[at] ^= (byte) (1 << random.nextInt(8));
        case 1 -> mutant[at] = (byte) random.nextInt();
        case 2 -> Arrays.fill(mutant, at, at + length, (byte) 0xff);
        case 3 -> Arrays.fill(mutant, at, at + length, (byte) 0);
        case 4 -> {
          int from = random.nextInt(mutant.length - length + 1);
          System.arraycopy(mutant, from, mutant, at, length);
        }
        case 5 -> mutant = spliced(mutant, at, at + length, random.nextInt(mutant.length));
        default -> mutant = digit(mutant, at, random);
      }
    }
    return mutant;
  }

  /** Without the bytes from {@code from} to {@code to}, which come again at {@code into}. */
  private static byte[] spliced(byte[] bytes, int from, int to, int into) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    int at = Math.min(into, from);
    out.write(bytes, 0, at);
    out.write(bytes, from, to - from);
    out.write(bytes, at, from - at);
    out.write(bytes, to, bytes.length - to);
    return out.toByteArray();
  }

  /** Another number in the description. */
  private static byte[] digit(byte[] bytes, int at, SplittableRandom random) {
    for (int i = at; i < bytes.length; i++) {
      if (bytes[i] >= '0' && bytes[i] <= '9') {
        bytes[i] = (byte) ('0' + random.nextInt(10));
        break;
      }
    }
    return bytes;
  }

  /** A hundred bytes that announce 64 TiB in thousands of blocks. */
  @Test
  void aBlockListThatPromisesTooMuchCostsLittle() {
    MigrationStreamBuilder stream = new MigrationStreamBuilder("pc");
    for (int i = 0; i < 4000; i++) {
      stream.block("block" + i, 1L << 34);
    }
    byte[] bytes = stream.end(p -> p.zero("block7", 5)).build();
    assertTimeoutPreemptively(Duration.ofSeconds(20), () -> assertTrue(reads(bytes, "64 TiB")));
  }

  @Test
  void filesMadeOfFootersOrCommandsAreRefusedSoon() {
    byte[] footers = new byte[4 << 20];
    for (int i = 0; i + 6 <= footers.length; i += 6) {
      footers[i] = 0x7e;
      footers[i + 4] = 3;
      footers[i + 5] = 4;
    }
    byte[] decoys = Streams.withRam().withoutVmdesc().undescribed("odd", 0, 1, footers).build();
    assertTimeoutPreemptively(Duration.ofSeconds(20), () -> reads(decoys, "footers"));
    byte[] commands = new byte[8 << 20];
    for (int i = 0; i + 5 <= commands.length; i += 5) {
      commands[i] = 8;
      commands[i + 2] = 11;
    }
    byte[] many = Streams.withRam().withoutVmdesc().raw(commands).build();
    FormatException e = assertThrows(FormatException.class, () -> WholeReading.all(many));
    assertTrue(e.getMessage().contains("more than"), e.getMessage());
  }

  /** Zeros and text as far as the search for vmdesc goes: each byte once. */
  @Test
  void aTailOfZerosOrTextIsPassedOverOnce() {
    byte[] head = Streams.everything().withoutVmdesc().build();
    byte[] zeros = Arrays.copyOf(head, head.length + (48 << 20));
    assertTimeoutPreemptively(
        Duration.ofSeconds(10), () -> assertTrue(reads(zeros, "zeros behind the stream")));
    Arrays.fill(zeros, head.length, zeros.length, (byte) '}');
    assertTimeoutPreemptively(
        Duration.ofSeconds(10), () -> assertTrue(reads(zeros, "text behind the stream")));
  }
}
