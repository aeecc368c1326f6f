package dev.vmstate.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vmstate.fixtures.RequiredTool;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** x87 and vector registers in the core's notes: gdb reads them, and edits of them come back. */
class VectorNotesTest {
  /** Offsets in the image that FXSAVE and XSAVE write. */
  private static final int FCW = 0;

  private static final int ST1 = 32 + 16;
  private static final int XMM5 = 160 + 5 * 16;
  private static final int YMM5_HIGH = 576 + 5 * 16;
  private static final int RESERVED = 416;

  @TempDir Path directory;
  private Path snapshot;
  private Path extracted;
  private Path core;

  @BeforeEach
  void extract() throws Exception {
    snapshot = directory.resolve("avx.mig");
    Path sample = Cli.sample(directory);
    Cli.ok(
        "set",
        sample,
        "cpu[0]/xcr0=7",
        "cpu[0]/ymm5=0x1111111111111111222222222222222233333333333333334444444444444444",
        "cpu[0]/st1=0x4000c90fdaa22168c235",
        "cpu[0]/ftag=255",
        "-o",
        snapshot);
    extracted = directory.resolve("vm");
    Cli.ok("extract", snapshot, "-o", extracted, "-q");
    core = extracted.resolve("core.elf");
  }

  /** File offset of the descriptor of a note; written from the ELF rules, not with our reader. */
  private long note(String owner, int type) throws Exception {
    byte[] head = new byte[1 << 20];
    try (FileChannel in = FileChannel.open(core)) {
      in.read(ByteBuffer.wrap(head));
    }
    ByteBuffer file = ByteBuffer.wrap(head).order(ByteOrder.LITTLE_ENDIAN);
    int at = (int) file.getLong(64 + 8); // p_offset of the first program header, PT_NOTE
    int end = at + (int) file.getLong(64 + 32);
    while (at < end) {
      int name = file.getInt(at);
      int size = file.getInt(at + 4);
      String found = new String(head, at + 12, name - 1, StandardCharsets.US_ASCII);
      int descriptor = at + 12 + (name + 3 & -4);
      if (found.equals(owner) && file.getInt(at + 8) == type) {
        return descriptor;
      }
      at = descriptor + (size + 3 & -4);
    }
    throw new AssertionError("no note " + owner);
  }

  private void write(long at, int... bytes) throws Exception {
    ByteBuffer out = ByteBuffer.allocate(bytes.length);
    for (int b : bytes) {
      out.put((byte) b);
    }
    try (FileChannel file = FileChannel.open(core, StandardOpenOption.WRITE)) {
      file.write(out.flip(), at);
    }
  }

  private String injected(String... paths) throws Exception {
    Path fresh = directory.resolve("new.mig");
    Cli.ok("inject", extracted, "-o", fresh, "-q");
    List<Object> words = new ArrayList<>(List.of("get", fresh));
    words.addAll(List.of(paths));
    return Cli.ok(words.toArray());
  }

  @Test
  void nothingEditedGivesTheSameSnapshot() throws Exception {
    injected("cpu[0]/rax");
    assertEquals(-1, Files.mismatch(snapshot, directory.resolve("new.mig")));
  }

  @Test
  void gdbShowsTheRegisters() throws Exception {
    RequiredTool.require("gdb", "gdb");
    Process gdb =
        new ProcessBuilder(
                "gdb",
                "-nx",
                "-batch",
                "-core",
                core.toString(),
                "-ex",
                "p/x $ymm5.v4_int64",
                "-ex",
                "p/x $xmm5.uint128",
                "-ex",
                "p $st1",
                "-ex",
                "p/x $mxcsr",
                "-ex",
                "info registers")
            .redirectErrorStream(true)
            .start();
    String said = new String(gdb.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    gdb.waitFor();
    assertTrue(
        said.contains(
            "$1 = {0x4444444444444444, 0x3333333333333333, 0x2222222222222222, 0x1111111111111111}"),
        said);
    assertTrue(said.contains("$2 = 0x33333333333333334444444444444444"), said);
    assertTrue(said.contains("3.14159265358979"), said);
    String ours = Cli.ok("cpus", "--gdb", snapshot);
    int compared = 0;
    for (String line : said.lines().toList()) {
      if (line.matches("(r[a-z0-9]{1,2}|eflags|[c-gs]s) +0x.*")) {
        assertTrue(ours.contains(line + "\n"), line + "\nis not in\n" + ours);
        compared++;
      }
    }
    assertTrue(compared >= 24, said);
  }

  @Test
  void anEditInEitherNoteComesBack() throws Exception {
    long fpu = note("CORE", 2);
    long xstate = note("LINUX", 0x202);
    write(fpu + FCW, 0x7f, 0x0c);
    write(fpu + ST1, 0x36);
    write(xstate + XMM5, 0x11, 0x22);
    write(xstate + YMM5_HIGH + 15, 0x99);
    assertEquals(
        """
        cpu[0]/fctrl=0xc7f
        cpu[0]/st1=0x4000c90fdaa22168c236
        cpu[0]/ymm5=0x9911111111111111222222222222222233333333333333334444444444442211
        """,
        injected("cpu[0]/fctrl", "cpu[0]/st1", "cpu[0]/ymm5"));
  }

  @Test
  void twoNotesThatDisagreeAndBytesWithoutARegisterAreRefused() throws Exception {
    write(note("CORE", 2) + XMM5, 0x11);
    write(note("LINUX", 0x202) + XMM5, 0x12);
    Cli both = Cli.run("inject", extracted, "--dry-run");
    assertEquals(1, both.status());
    assertTrue(both.err().contains("xmm5"), both.err());
    write(note("LINUX", 0x202) + XMM5, 0x11);
    assertEquals(0, Cli.run("inject", extracted, "--dry-run").status());
    write(note("LINUX", 0x202) + RESERVED, 1);
    Cli reserved = Cli.run("inject", extracted, "--dry-run");
    assertEquals(1, reserved.status());
    assertTrue(reserved.err().contains("byte 0x1a0 was changed"), reserved.err());
  }
}
