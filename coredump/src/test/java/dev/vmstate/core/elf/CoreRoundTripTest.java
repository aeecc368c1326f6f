package dev.vmstate.core.elf;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vmstate.bytes.ByteSource;
import dev.vmstate.core.ArrayMemory;
import dev.vmstate.core.Cpus;
import dev.vmstate.core.Tool;
import dev.vmstate.cpu.X86Cpu;
import dev.vmstate.elf.CoreFile;
import dev.vmstate.elf.CoreNote;
import dev.vmstate.elf.LoadSegment;
import dev.vmstate.elf.PhysicalSegments;
import dev.vmstate.elf.PrStatus;
import dev.vmstate.elf.QemuCpuState;
import dev.vmstate.memory.MemoryMap;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.List;
import net.fornwall.jelf.ElfFile;
import net.fornwall.jelf.ElfNoteSection;
import net.fornwall.jelf.ElfSegment;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A small machine with two CPUs and page tables, written as a core and read by others. */
class CoreRoundTripTest {
  private static final long TEXT = 0xffff_ffff_8100_0000L;
  private static final String HELLO = "Linux version 0.0.1 (nobody)";

  @TempDir Path folder;
  private Path path;
  private LoadPlan plan;
  private final ArrayMemory memory = ArrayMemory.at(0, 0xa_0000, 0x10_0000, 0x30_0000);
  private final List<X86Cpu> cpus =
      List.of(
          Cpus.of(0, "rip=ffffffff81000123 rsp=7fff0000 cr0=80000001 efer=500 cr4=20 cr3=1000"),
          Cpus.of(1, "rip=ffffffff81000456 rbx=77 cr0=80000001 efer=500 cr4=20 cr3=1000"));

  @BeforeEach
  void writeTheCore() throws Exception {
    memory.u64(0x1000 + 8 * 0x1ff, 0x2003).u64(0x2000 + 8 * 0x1fe, 0x3003); // kernel image
    memory.u64(0x3000 + 8 * 8, 0x20_0083);
    memory.u64(0x1000, 0x4007).u64(0x4000, 0x5007).u64(0x5000, 0x6007).u64(0x6000, 0x8007); // user
    memory.bytes(0x20_0ff0, HELLO.getBytes(StandardCharsets.US_ASCII));
    memory.bytes(0x8010, "a user's page".getBytes(StandardCharsets.US_ASCII));
    path = folder.resolve("core.elf");
    plan = CoreBytes.write(path, memory, cpus);
  }

  private CoreFile open() throws Exception {
    return CoreFile.open(ByteSource.of("core.elf", Files.readAllBytes(path)));
  }

  @Test
  void everyByteOfRamComesBackByPhysicalAddress() throws Exception {
    CoreFile core = open();
    assertEquals(plan.loads(), core.loads());
    for (MemoryMap.Range range : memory.map().ranges()) {
      ByteBuffer expected = ByteBuffer.allocate((int) range.bytes());
      ByteBuffer actual = ByteBuffer.allocate((int) range.bytes());
      memory.readPhysical(range.start(), expected);
      core.readPhysical(range.start(), actual);
      assertArrayEquals(expected.array(), actual.array());
    }
    assertEquals(
        List.of(
            new PhysicalSegments.Segment(0, 4 << 20, 0xa_0000),
            new PhysicalSegments.Segment(0x10_0000, (4 << 20) + 0xa_0000, 0x30_0000)),
        core.physicalSegments());
  }

  @Test
  void theNotesComeBackInOrder() throws Exception {
    CoreFile core = open();
    assertEquals(
        List.of("CORE", "CORE", "QEMU", "QEMU"),
        core.notes().stream().map(CoreNote::owner).toList());
    CoreNote second = core.notes("CORE", 1).get(1);
    assertEquals(PrStatus.encode(cpus.get(1)).descriptor(), core.descriptor(second));
    assertEquals(PrStatus.BYTES, second.descriptor().length());
  }

  @Test
  void zeroPagesAreHolesOfTheFile() throws Exception {
    CoreLayout layout = CoreLayout.of(memory.map().blocks(), 2);
    assertEquals(layout.size(), Files.size(path));
    long blocks =
        512L * Long.parseLong(Tool.run("coreutils", "stat", "-c", "%b", path + "").trim());
    assertTrue(blocks < 256 << 10, blocks + " bytes on disk");
  }

  @Test
  void aPageThatComesAgainAsZerosIsZero() throws Exception {
    CoreLayout layout = CoreLayout.of(memory.map().blocks(), 2);
    try (FileChannel out = FileChannel.open(path, StandardOpenOption.WRITE)) {
      CoreWriter writer = new CoreWriter(layout, out);
      writer.writeBlock(0, 0x8000, ByteBuffer.allocate(4096));
      assertThrows(
          IndexOutOfBoundsException.class,
          () -> writer.writeBlock(0, 0x9_f001, ByteBuffer.allocate(4096)));
    }
    ByteBuffer page = ByteBuffer.allocate(4096);
    open().readPhysical(0x8000, page);
    assertArrayEquals(new byte[4096], page.array());
  }

  /** jelf is given the header area alone, as it would have to be with a core above 2 GiB. */
  @Test
  void jelfReadsTheSameHeadersAndNotes() throws Exception {
    byte[] header = Arrays.copyOf(Files.readAllBytes(path), 4 << 20);
    ElfFile elf = ElfFile.from(header);
    assertEquals(ElfFile.ET_CORE, elf.e_type);
    assertEquals(64, elf.e_ehsize);
    assertEquals(plan.loads().size() + 1, elf.e_phnum);
    for (int i = 0; i < plan.loads().size(); i++) {
      ElfSegment program = elf.getProgramHeader(i + 1);
      assertEquals(ElfSegment.PT_LOAD, program.p_type);
      assertEquals(
          plan.loads().get(i),
          new LoadSegment(
              program.p_vaddr,
              program.p_paddr,
              program.p_offset,
              program.p_filesz,
              program.p_memsz,
              program.p_flags));
    }
    List<ElfNoteSection.ElfNote> notes = elf.getProgramHeader(0).notes();
    assertEquals(4, notes.size());
    assertEquals("QEMU", notes.get(3).name.replace("\0", ""));
    assertEquals(
        QemuCpuState.encode(cpus.get(1)).descriptor(),
        ByteBuffer.wrap(notes.get(3).descriptorBytes()));
  }

  @Test
  void readelfReadsItWithoutAWarning() throws Exception {
    String output = Tool.run("binutils", "readelf", "-hlnW", path.toString());
    assertFalse(output.contains("Warning") || output.contains("Error"), output);
    assertTrue(
        output.contains("0xffffffff81000000 0x0000000000200000 0x200000 0x200000 RWE"), output);
    assertEquals(2, output.split("NT_PRSTATUS", -1).length - 1, output);
  }

  @Test
  void gdbShowsMemoryByVirtualAddressRegistersAndThreads() throws Exception {
    String output =
        gdb(
            "x/s 0x%x".formatted(TEXT + 0xff0),
            "x/s 0x10",
            "info threads",
            "thread 2",
            "print/x $rip",
            "print $rbx");
    assertTrue(output.contains(HELLO), output);
    assertTrue(output.contains("a user's page"), output);
    assertTrue(output.contains("LWP 1 ") && output.contains("LWP 2 "), output);
    assertTrue(output.contains("0xffffffff81000456") && output.contains("= 119"), output);
  }

  @Test
  void gdbWritesMemoryBackToExactlyItsBytes() throws Exception {
    byte[] before = Files.readAllBytes(path);
    gdb("set var *(char*)0x%x = 'X'".formatted(TEXT + 0xff0));
    byte[] after = Files.readAllBytes(path);
    int changed = Arrays.mismatch(before, after);
    assertEquals((4 << 20) + 0xa_0000 + 0x10_0ff0, changed);
    assertEquals('X', after[changed]);
    after[changed] = before[changed];
    assertArrayEquals(before, after);
  }

  private String gdb(String... commands) throws Exception {
    List<String> line =
        new java.util.ArrayList<>(
            List.of("gdb", "-nx", "-batch", "--write", "-ex", "core-file " + path));
    for (String command : commands) {
      line.add("-ex");
      line.add(command);
    }
    return Tool.run("gdb", line.toArray(String[]::new));
  }
}
