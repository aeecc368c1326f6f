package dev.vmstate.dump;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vmstate.bytes.UnsupportedFormatException;
import dev.vmstate.fixtures.ElfCoreBuilder;
import dev.vmstate.fixtures.KdumpBuilder;
import java.io.IOException;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Kdump-compressed dumps as memory and CPUs. */
class KdumpDumpTest {
  private static final int PAGE = KdumpBuilder.PAGE;

  private static byte[] noise() {
    byte[] noise = new byte[PAGE];
    new Random(1).nextBytes(noise);
    return noise;
  }

  private static KdumpBuilder little() {
    return KdumpBuilder.wide(ByteOrder.LITTLE_ENDIAN);
  }

  static Stream<Arguments> layouts() {
    return Stream.of(
        Arguments.of("64-bit little", KdumpBuilder.wide(ByteOrder.LITTLE_ENDIAN)),
        Arguments.of("64-bit big", KdumpBuilder.wide(ByteOrder.BIG_ENDIAN)),
        Arguments.of("32-bit little", KdumpBuilder.narrow(ByteOrder.LITTLE_ENDIAN, false)),
        Arguments.of("32-bit little ARM", KdumpBuilder.narrow(ByteOrder.LITTLE_ENDIAN, true)),
        Arguments.of("32-bit big", KdumpBuilder.narrow(ByteOrder.BIG_ENDIAN, false)));
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("layouts")
  void pagesOfEveryKindAreReadInEveryLayout(String name, KdumpBuilder builder) throws IOException {
    byte[] noise = noise();
    byte[] half = Arrays.copyOf(Arrays.copyOf(noise, PAGE / 2), PAGE);
    builder
        .vmcoreinfo("OSRELEASE=6.1.0-test\n")
        .note("TEST", 7, new byte[100])
        .raw(0, noise)
        .zero(1)
        .packed(2, 1, KdumpBuilder.zlib(KdumpBuilder.pattern()))
        .packed(3, 2, KdumpBuilder.lzo())
        .packed(4, 4, KdumpBuilder.snappy())
        .packed(5, 0x20, KdumpBuilder.zstd('z'))
        .zero(40_000)
        .packed(70_001, 1, KdumpBuilder.zlib(half));
    for (byte[] file :
        List.of(builder.bytes(), KdumpBuilder.flattened(builder.bytes(), 4096 + 11))) {
      try (Dump dump = Dumps.open(file)) {
        assertEquals(
            List.of(
                "0x0-0x6000 physical@0x0",
                "0x9c40000-0x9c41000 physical@0x9c40000",
                "0x11171000-0x11172000 physical@0x11171000"),
            Dumps.ranges(dump));
        assertArrayEquals(noise, Dumps.read(dump, 0, PAGE));
        assertArrayEquals(new byte[PAGE], Dumps.read(dump, PAGE, PAGE));
        byte[] repeated = new byte[PAGE];
        Arrays.fill(repeated, (byte) 'z');
        for (int i = 2; i < 5; i++) {
          assertArrayEquals(
              KdumpBuilder.pattern(), Dumps.read(dump, (long) i * PAGE, PAGE), "page " + i);
        }
        assertArrayEquals(repeated, Dumps.read(dump, 5 * PAGE, PAGE));
        assertArrayEquals(half, Dumps.read(dump, 70_001L * PAGE, PAGE));
        assertEquals(
            Map.of(
                0L,
                'D',
                0x1000L,
                'Z',
                0x2000L,
                'D',
                0x3000L,
                'D',
                0x4000L,
                'D',
                0x5000L,
                'D',
                40_000L * PAGE,
                'Z',
                70_001L * PAGE,
                'D'),
            Dumps.scan(dump));
        assertEquals("kdump", dump.container());
        assertEquals("21 bytes of kernel 6.1.0-test", Dumps.fact(dump, "VMCOREINFO"));
        assertEquals("6.1.0-test", Dumps.fact(dump, "kernel"));
      }
    }
  }

  @Test
  void aReadMayStartAndEndAnywhere() throws IOException {
    byte[] noise = noise();
    try (Dump dump = Dumps.open(little().raw(0, noise).zero(1).raw(2, noise).bytes())) {
      byte[] all = new byte[3 * PAGE];
      System.arraycopy(noise, 0, all, 0, PAGE);
      System.arraycopy(noise, 0, all, 2 * PAGE, PAGE);
      assertArrayEquals(
          Arrays.copyOfRange(all, 100, 2 * PAGE + 5), Dumps.read(dump, 100, 2 * PAGE - 95));
    }
  }

  @Test
  void cpusComeFromTheNotes() throws IOException {
    try (Dump dump =
        Dumps.open(
            little()
                .note("CORE", 1, new byte[336])
                .note("CORE", 1, new byte[336])
                .note("QEMU", 0, ElfCoreBuilder.qemuCpu(0x11, 0x1000))
                .note("QEMU", 0, ElfCoreBuilder.qemuCpu(0x22, 0x2000))
                .zero(0)
                .bytes())) {
      assertEquals("qemu", dump.vmm());
      assertEquals("x86_64", dump.arch());
      assertEquals(2, dump.cpus().size());
      assertEquals(0x22, dump.cpus().get(1).get("rip"));
      assertEquals(0x2000, dump.cpus().get(1).get("cr3"));
    }
  }

  @Test
  void pagesThatWereLeftOutAreAbsent() throws IOException {
    try (Dump dump =
        Dumps.open(little().raw(0, noise()).leftOut(1).leftOut(2).raw(3, noise()).bytes())) {
      assertEquals(List.of("0x0-0x4000 physical@0x0"), Dumps.ranges(dump));
      assertEquals(Map.of(0L, 'D', 0x3000L, 'D'), Dumps.scan(dump));
      assertArrayEquals(new byte[PAGE], Dumps.read(dump, PAGE, PAGE));
      assertEquals("2 (dump level 1): they read as zeros", Dumps.fact(dump, "pagesLeftOut"));
    }
  }

  @Test
  void anIncompleteDumpGivesWhatItHas() throws IOException {
    KdumpBuilder builder = little().status(1 | 8).raw(0, noise()).noRoom(1).raw(2, noise());
    try (Dump dump = Dumps.open(builder.bytes())) {
      assertEquals(Map.of(0L, 'D', 0x2000L, 'D'), Dumps.scan(dump));
      assertTrue(Dumps.fact(dump, "incomplete").contains("no room"));
    }
    byte[] cutInData = Arrays.copyOf(builder.bytes(), builder.bytes().length - 1);
    try (Dump dump = Dumps.open(cutInData)) {
      assertEquals(Map.of(0L, 'D'), Dumps.scan(dump));
    }
    byte[] cutInDescriptors = Arrays.copyOf(builder.bytes(), builder.descriptorsAt() + 24);
    try (Dump dump = Dumps.open(cutInDescriptors)) {
      assertEquals(Map.of(), Dumps.scan(dump));
    }
  }

  @Test
  void theOldestDumpsHaveOneBitmap() throws IOException {
    KdumpBuilder builder = little().version(1).oneBitmap().raw(0, noise()).zero(2);
    try (Dump dump = Dumps.open(builder.bytes())) {
      assertEquals(
          List.of("0x0-0x1000 physical@0x0", "0x2000-0x3000 physical@0x2000"), Dumps.ranges(dump));
      assertArrayEquals(noise(), Dumps.read(dump, 0, PAGE));
    }
  }

  @ParameterizedTest
  @MethodSource("versions")
  void everyVersionSaysWhatItHasRoomFor(int version) throws IOException {
    KdumpBuilder builder =
        little()
            .version(version)
            .note("QEMU", 0, ElfCoreBuilder.qemuCpu(0x11, 0x1000))
            .vmcoreinfo("OSRELEASE=6.1.0-test\n")
            .raw(0, noise());
    try (Dump dump = Dumps.open(builder.bytes())) {
      assertEquals(version >= 4 ? 1 : 0, dump.cpus().size());
      assertEquals(version >= 3, !Dumps.fact(dump, "VMCOREINFO").isEmpty());
      assertArrayEquals(noise(), Dumps.read(dump, 0, PAGE));
    }
  }

  static Stream<Integer> versions() {
    return Stream.iterate(0, v -> v + 1).limit(7);
  }

  @Test
  void makedumpfileOnArmCountsPagesFromWhereRamStarts() throws IOException {
    try (Dump dump =
        Dumps.open(
            KdumpBuilder.narrow(ByteOrder.LITTLE_ENDIAN, true)
                .machine("armv7l")
                .physBase(0x8000_0000L)
                .raw(1, noise())
                .bytes())) {
      assertEquals(List.of("0x80001000-0x80002000 physical@0x80001000"), Dumps.ranges(dump));
      assertArrayEquals(noise(), Dumps.read(dump, 0x8000_1000L, PAGE));
      assertEquals("armv7l", dump.arch());
    }
  }

  @Test
  void aPartOfASplitDumpIsRefusedWithWhatToDo() {
    byte[] file = little().split().zero(0).bytes();
    UnsupportedFormatException e =
        assertThrows(UnsupportedFormatException.class, () -> Dumps.open(file));
    assertTrue(e.getMessage().contains("makedumpfile --reassemble"), e.getMessage());
  }
}
