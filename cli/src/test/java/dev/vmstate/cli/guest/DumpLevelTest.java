package dev.vmstate.cli.guest;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.BitSet;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * makedumpfile, which gets a whole core, and extract with a dump level leave out the same frames of
 * a guest that ran.
 */
@Tag("qemu")
@Tag("linux")
@Tag("matrix")
class DumpLevelTest {
  @TempDir private Path folder;

  /**
   * The second bitmap of a dump.
   *
   * @param level its dump_level
   * @param frames what it has bits for
   */
  private record Dumped(int level, int frames, BitSet bits) {
    /** From the bytes, not with our reader. */
    static Dumped of(Path file) throws IOException {
      try (FileChannel in = FileChannel.open(file, StandardOpenOption.READ)) {
        ByteBuffer head = bytes(in, 0, 8192);
        int blocks = head.getInt(436);
        int frames = (int) head.getLong(4096 + 96);
        long at = (1L + head.getInt(432) + blocks / 2) * 4096;
        BitSet bits = BitSet.valueOf(bytes(in, at, blocks / 2 * 4096));
        return new Dumped(head.getInt(4096 + 8), frames, bits);
      }
    }

    private static ByteBuffer bytes(FileChannel in, long at, int count) throws IOException {
      ByteBuffer bytes = ByteBuffer.allocate(count).order(ByteOrder.LITTLE_ENDIAN);
      while (bytes.hasRemaining()) {
        assertTrue(in.read(bytes, at + bytes.position()) > 0, "the file ends");
      }
      return bytes.flip();
    }
  }

  @Test
  void everyLevelLeavesOutWhatMakedumpfileDoes() throws Exception {
    HostTool.need("makedumpfile", "makedumpfile");
    Path snapshot = BootedGuest.at(new BootedGuest.Home(BootedGuest.Home.HOST, "pc")).stopped();
    Path whole = folder.resolve("whole");
    Vmstate.run("extract", snapshot, "-o", whole, "--no-hardware", "--no-symbols");
    for (int level : new int[] {1, 8, 31}) {
      Path theirs = folder.resolve("theirs-" + level);
      HostTool.run(
          "makedumpfile",
          "-d",
          Integer.toString(level),
          "-c",
          whole.resolve("core.elf").toString(),
          theirs.toString());
      Path ours = folder.resolve("ours-" + level);
      Vmstate.run(
          "extract",
          snapshot,
          "-o",
          ours,
          "--no-hardware",
          "--core",
          "kdump-zlib",
          "--dump-level",
          level);
      Dumped expected = Dumped.of(theirs);
      Dumped got = Dumped.of(ours.resolve("core.kdump"));
      assertEquals(expected.level(), got.level());
      // makedumpfile's dump ends with the last section that has struct pages.
      assertEquals(expected.bits(), got.bits().get(0, expected.frames()), "level " + level);
      int written = expected.bits().cardinality();
      assertTrue(level < 16 || written < expected.frames() / 2, "most of it is free: " + written);
    }
  }
}
