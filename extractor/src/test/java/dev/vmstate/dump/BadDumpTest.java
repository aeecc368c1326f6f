package dev.vmstate.dump;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vmstate.bytes.FormatException;
import dev.vmstate.fixtures.ElfCoreBuilder;
import dev.vmstate.fixtures.KdumpBuilder;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.SplittableRandom;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Damaged dumps: one line that says where and what, and nothing but an IOException. */
class BadDumpTest {
  private static final int PAGE = KdumpBuilder.PAGE;

  private static byte[] noise() {
    byte[] noise = new byte[PAGE];
    new Random(1).nextBytes(noise);
    return noise;
  }

  private static KdumpBuilder builder() {
    return KdumpBuilder.wide(ByteOrder.LITTLE_ENDIAN)
        .vmcoreinfo("OSRELEASE=6.1.0-test\n")
        .note("QEMU", 0, ElfCoreBuilder.qemuCpu(0x11, 0x1000))
        .raw(0, noise())
        .zero(1)
        .packed(2, 1, KdumpBuilder.zlib(KdumpBuilder.pattern()))
        .packed(3, 2, KdumpBuilder.lzo())
        .packed(4, 4, KdumpBuilder.snappy())
        .packed(5, 0x20, KdumpBuilder.zstd('z'));
  }

  private static byte[] core() {
    return ElfCoreBuilder.x86()
        .note("CORE", 1, new byte[336])
        .note("QEMU", 0, ElfCoreBuilder.qemuCpu(0x11, 0x1000))
        .load(0xffff_8880_0000_0000L, 0, noise(), PAGE)
        .alias(0xffff_ffff_8100_0000L, 0, 100, 200)
        .load(0x10_0000, new byte[100])
        .bytes();
  }

  /** Everything a command would ask for. */
  private static void readAll(byte[] file) throws IOException {
    try (Dump dump = Dumps.open(file)) {
      dump.cpus().forEach(cpu -> cpu.mode());
      dump.facts();
      dump.arch();
      dump.memory().map().ranges().forEach(range -> range.end());
      if (dump.memory().map().ranges().stream().mapToLong(r -> r.bytes()).sum() < 1 << 24) {
        Dumps.scan(dump);
      }
    }
  }

  private interface Damage {
    void to(ByteBuffer file);
  }

  private static Arguments damage(String what, String expected, Damage damage) {
    return Arguments.of(what, expected, damage);
  }

  static Stream<Arguments> damages() {
    int descriptors = builder().descriptorsAt();
    int sub = PAGE;
    return Stream.of(
        damage("signature", "expected 'KDUMP   '", f -> f.put(0, (byte) 'k')),
        damage("version", "header_version 7", f -> f.putInt(8, 7)),
        damage("block size", "make no sense", f -> f.putInt(428, 5000)),
        damage("block size 0", "make no sense", f -> f.putInt(428, 0)),
        damage("sub header size", "make no sense", f -> f.putInt(432, 0)),
        damage("sub header past the end", "bitmap of", f -> f.putInt(432, -1)),
        damage("bitmap blocks", "make no sense", f -> f.putInt(436, 0)),
        damage("bitmap past the end", "bitmap of", f -> f.putInt(436, 1 << 20)),
        damage("frames", "bitmap_blocks 2 has bits for", f -> f.putLong(sub + 96, 1 << 20)),
        damage("too many frames", "2^34", f -> f.putLong(sub + 96, -1)),
        damage("notes past the end", "notes of 0x", f -> f.putLong(sub + 48, 1 << 30)),
        damage("negative notes", "offset_note", f -> f.putLong(sub + 48, -5)),
        damage("long notes", "notes of 0x", f -> f.putLong(sub + 56, 1L << 40)),
        damage("note length", "note descriptor", f -> f.putInt(sub + 104 + 4, 1 << 20)),
        damage("VMCOREINFO", "VMCOREINFO of 0x", f -> f.putLong(sub + 32, 1 << 30)),
        damage("data past the end", "the file ends", f -> f.putLong(descriptors, 1 << 30)),
        damage("negative data", "its bytes at", f -> f.putLong(descriptors, -8)),
        damage("raw size", "size 0xfff with flags 0x0", f -> f.putInt(descriptors + 8, 4095)),
        damage("no size", "size 0x0", f -> f.putInt(descriptors + 2 * 24 + 8, 0)),
        damage("long", "size 0x1001", f -> f.putInt(descriptors + 2 * 24 + 8, 4097)),
        damage("two compressions", "flags 0x3", f -> f.putInt(descriptors + 2 * 24 + 12, 3)),
        damage("zlib", "bytes of zlib are damaged", f -> cut(f, descriptors + 2 * 24)),
        damage("lzo", "bytes of lzo are damaged", f -> cut(f, descriptors + 3 * 24)),
        damage("snappy", "bytes of snappy are damaged", f -> cut(f, descriptors + 4 * 24)),
        damage("zstd", "bytes of zstd are damaged", f -> cut(f, descriptors + 5 * 24)),
        damage("bitmap of ones", "descriptors of", f -> ones(f, builder().bitmapAt())));
  }

  private static void cut(ByteBuffer file, int descriptor) {
    file.putInt(descriptor + 8, file.getInt(descriptor + 8) - 1);
  }

  private static void ones(ByteBuffer file, int bitmap) {
    file.putLong(PAGE + 96, 8 * PAGE);
    for (int i = 0; i < 2 * PAGE; i++) {
      file.put(bitmap + i, (byte) 0xff);
    }
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("damages")
  void damageIsNamed(String what, String expected, Damage damage) {
    ByteBuffer file = ByteBuffer.wrap(builder().bytes()).order(ByteOrder.LITTLE_ENDIAN);
    damage.to(file);
    FormatException e = assertThrows(FormatException.class, () -> readAll(file.array()));
    assertTrue(e.getMessage().contains(expected), e.getMessage());
    assertTrue(e.getMessage().startsWith("vm.dump: "), e.getMessage());
    assertFalse(e.getMessage().contains("\n"), e.getMessage());
  }

  @Test
  void alternatingBitsAreNoMemoryMap() {
    int frames = 1 << 18;
    KdumpBuilder builder = KdumpBuilder.wide(ByteOrder.LITTLE_ENDIAN).maxMapnr(frames).zero(0);
    byte[] file = Arrays.copyOf(builder.bytes(), builder.bytes().length + 24 * frames);
    Arrays.fill(file, builder.bitmapAt(), builder.descriptorsAt(), (byte) 0x55);
    FormatException e = assertThrows(FormatException.class, () -> readAll(file));
    assertTrue(e.getMessage().contains("more than 65536 ranges"), e.getMessage());
  }

  @Test
  void noCutOffFileIsTakenForAWholeOne() throws IOException {
    for (byte[] whole :
        List.of(builder().bytes(), core(), KdumpBuilder.flattened(builder().bytes(), 4096))) {
      readAll(whole);
      for (int length = 0; length < whole.length; length += length < 6000 ? 7 : 611) {
        byte[] cut = Arrays.copyOf(whole, length);
        assertThrows(IOException.class, () -> readAll(cut), "cut to " + length);
      }
      byte[] almost = Arrays.copyOf(whole, whole.length - 1);
      assertThrows(IOException.class, () -> readAll(almost));
    }
  }

  static LongStream seeds() {
    Long one = Long.getLong("vmstate.seed");
    return one != null
        ? LongStream.of(one)
        : LongStream.range(0, Long.getLong("vmstate.mutations", 40));
  }

  /** Any other exception, or much memory, would end the test. */
  @ParameterizedTest(name = "-Dvmstate.seed={0}")
  @MethodSource("seeds")
  void whateverChangesTheWorstIsAnIoException(long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    List<byte[]> files =
        List.of(
            builder().bytes(),
            KdumpBuilder.narrow(ByteOrder.BIG_ENDIAN, false).raw(0, noise()).zero(9).bytes(),
            core(),
            KdumpBuilder.flattened(builder().bytes(), 3000));
    for (int i = 0; i < 100; i++) {
      byte[] file = files.get(random.nextInt(files.size())).clone();
      int changes = random.nextInt(1, 5);
      for (int c = 0; c < changes; c++) {
        mutate(file, random);
      }
      try {
        readAll(file);
      } catch (IOException expected) {
        assertFalse(String.valueOf(expected.getMessage()).contains("\n"));
      }
    }
  }

  /** Mostly where headers, descriptors and packed pages stand. */
  private static void mutate(byte[] file, SplittableRandom random) {
    int at =
        switch (random.nextInt(4)) {
          case 0 -> random.nextInt(Math.min(file.length, 600));
          case 1 -> Math.min(file.length - 8, PAGE + random.nextInt(200));
          case 2 -> Math.max(0, file.length - 8 - random.nextInt(600));
          default -> random.nextInt(file.length - 8);
        };
    long[] values = {0, 1, -1, 0x7f, 0x80, 0xff, 1L << 31, 1L << 62, Long.MIN_VALUE};
    switch (random.nextInt(3)) {
      case 0 -> file[at] = (byte) random.nextInt();
      case 1 -> file[at] ^= (byte) (1 << random.nextInt(8));
      default -> {
        ByteBuffer buffer = ByteBuffer.wrap(file);
        if (at + 8 <= file.length) {
          buffer.putLong(at, values[random.nextInt(values.length)]);
        }
      }
    }
  }
}
