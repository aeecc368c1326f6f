package dev.vmstate.exchange;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vmstate.bytes.Progress;
import dev.vmstate.container.FileSource;
import dev.vmstate.container.SnapshotName;
import dev.vmstate.cpu.X86Cpu;
import dev.vmstate.fixtures.ElfCoreBuilder;
import dev.vmstate.inject.TestMachine;
import dev.vmstate.memory.GuestMemory;
import dev.vmstate.memory.MemoryMap;
import dev.vmstate.snapshot.Snapshot;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.stream.LongStream;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/** Every format a core can be written in holds the same memory and the same CPUs. */
class CoreFormatTest {
  @TempDir Path directory;

  static LongStream seeds() {
    return TestMachine.seeds(3);
  }

  private Path extract(Path snapshot, String into, CoreFormat format) throws IOException {
    Path out = directory.resolve(into);
    try (Snapshot opened = Snapshot.open(SnapshotName.of(snapshot))) {
      Extraction.run(opened, out, new Extraction.Options(format, true, false, null), Progress.NONE);
    }
    return out.resolve(format.file().orElseThrow());
  }

  /** What was sent to the machine, at its addresses. */
  private static void assertMemory(TestMachine machine, GuestMemory memory) throws IOException {
    assertBytes(memory, 0, machine.memory(TestMachine.RAM), 0);
    byte[] bios = machine.memory(TestMachine.BIOS);
    assertBytes(memory, TestMachine.BIOS_HIGH, bios, 0);
    int shadow = (int) (0x10_0000L - TestMachine.BIOS_LOW);
    assertBytes(memory, TestMachine.BIOS_LOW, bios, bios.length - shadow);
  }

  private static void assertBytes(GuestMemory memory, long at, byte[] expected, int from)
      throws IOException {
    ByteBuffer got = ByteBuffer.allocate(expected.length - from);
    memory.readPhysical(at, got);
    assertArrayEquals(Arrays.copyOfRange(expected, from, expected.length), got.array());
  }

  @ParameterizedTest(name = "-Dvmstate.seed={0}")
  @MethodSource("seeds")
  void dumpsOfEveryFormatHoldWhatWasSentLast(long seed) throws IOException {
    TestMachine machine = TestMachine.random(seed);
    Path stream = machine.write(directory.resolve("vm.mig"));
    for (CoreFormat format :
        List.of(CoreFormat.ELF, CoreFormat.KDUMP_ZLIB, CoreFormat.KDUMP_ZSTD)) {
      Path core = extract(stream, "vm-" + format, format);
      Path again = extract(core, "again-" + format, CoreFormat.ELF);
      for (Path dump : List.of(core, again)) {
        try (Snapshot opened = Snapshot.open(SnapshotName.of(dump));
            Snapshot original = Snapshot.open(SnapshotName.of(stream))) {
          assertMemory(machine, opened.memory());
          assertEquals(2, opened.cpus().size());
          for (X86Cpu cpu : opened.cpus()) {
            X86Cpu expected = original.cpus().get(cpu.index());
            cpu.registers().forEach(r -> assertEquals(expected.get(r.name()), r.value(), r.name()));
            assertEquals(expected.mode(), cpu.mode());
          }
          assertEquals(List.of(), opened.devices());
        }
      }
    }
  }

  @ParameterizedTest(name = "-Dvmstate.seed={0}")
  @MethodSource("seeds")
  void rawMemoryIsAFlatFile(long seed) throws IOException {
    TestMachine machine = TestMachine.random(seed);
    Path stream = machine.write(directory.resolve("vm.mig"));
    Path kdump = extract(stream, "kdump", CoreFormat.KDUMP_ZSTD);
    for (Path snapshot : List.of(stream, kdump)) {
      Path raw = extract(snapshot, "raw", CoreFormat.RAW);
      assertEquals(0x1_0000_0000L, Files.size(raw));
      try (FileSource file = new FileSource(raw);
          Snapshot opened = Snapshot.open(SnapshotName.of(stream))) {
        MemoryMap map = opened.memoryMap();
        GuestMemory flat =
            new GuestMemory() {
              @Override
              public MemoryMap map() {
                return map;
              }

              @Override
              public void readBlock(int block, long offset, ByteBuffer into) {
                throw new UnsupportedOperationException();
              }

              @Override
              public void readPhysical(long address, ByteBuffer into) throws IOException {
                file.read(address, into);
              }
            };
        assertMemory(machine, flat);
        ByteBuffer hole = ByteBuffer.allocate(4096);
        file.read(0x8000_0000L, hole);
        assertArrayEquals(new byte[4096], hole.array());
      }
    }
  }

  @ParameterizedTest
  @EnumSource(
      value = CoreFormat.class,
      names = {"ELF", "KDUMP_ZLIB", "RAW"})
  void aCompressedStreamGivesThemToo(CoreFormat format) throws IOException {
    TestMachine machine = TestMachine.random(3);
    Path packed = directory.resolve("vm.mig.gz");
    try (OutputStream out = new GZIPOutputStream(Files.newOutputStream(packed))) {
      out.write(machine.stream());
    }
    Path plain = machine.write(directory.resolve("vm.mig"));
    Path core = extract(packed, "packed", format);
    assertEquals(-1, Files.mismatch(core, extract(plain, "plain", format)));
    try (var files = Files.list(directory.resolve("packed"))) {
      assertTrue(files.noneMatch(file -> file.getFileName().toString().startsWith(".")));
    }
  }

  @Test
  void theManifestOfADumpSaysThereAreNoDevices() throws IOException {
    Path stream = TestMachine.random(1).write(directory.resolve("vm.mig"));
    Path kdump = extract(stream, "kdump", CoreFormat.KDUMP_ZLIB);
    assertNull(Manifest.read(directory.resolve("kdump")).core(), "no ELF core to inject");
    extract(kdump, "elf", CoreFormat.ELF);
    Manifest manifest = Manifest.read(directory.resolve("elf"));
    assertEquals("kdump", manifest.container());
    assertNull(manifest.devices());
    String xml = Files.readString(directory.resolve("elf").resolve(Extraction.HARDWARE));
    assertTrue(xml.contains("no device state"), xml);
    assertTrue(xml.contains("<cpu index=\"1\""), xml);
    assertFalse(xml.contains("<device"), xml);
  }

  @Test
  void aDumpWithoutAnX86CpuGivesRawMemoryAlone() throws IOException {
    byte[] ram = new byte[8192];
    Arrays.fill(ram, (byte) 7);
    Path arm =
        Files.write(
            directory.resolve("arm.core"),
            new ElfCoreBuilder(true, ByteOrder.LITTLE_ENDIAN, 183).load(0x4000, ram).bytes());
    IOException e =
        assertThrows(IOException.class, () -> extract(arm, "elf", CoreFormat.KDUMP_ZLIB));
    assertTrue(e.getMessage().contains("--core raw does not"), e.getMessage());
    Path raw = extract(arm, "raw", CoreFormat.RAW);
    assertEquals(0x4000 + 8192, Files.size(raw));
    assertEquals(7, Files.readAllBytes(raw)[0x4000]);
  }
}
