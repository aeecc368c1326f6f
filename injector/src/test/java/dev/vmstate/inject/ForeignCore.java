package dev.vmstate.inject;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/**
 * A core as QEMU's dump-guest-memory lays it out: one PT_LOAD per range with p_vaddr = p_paddr, the
 * notes in front, a section header, e_ehsize 8. Written from the ELF specification.
 */
final class ForeignCore {
  /** {@code bytes} are in the file; the segment claims {@code memoryBytes}. */
  record Load(long physical, long memoryBytes, ByteBuffer bytes) {
    Load(long physical, long memoryBytes, byte[] bytes) {
      this(physical, memoryBytes, ByteBuffer.wrap(bytes));
    }
  }

  private ForeignCore() {}

  static void write(Path path, byte[] notes, Load... loads) throws IOException {
    int headers = 64 + 56 * (loads.length + 1) + 64;
    int end = headers + notes.length;
    long at = end;
    ByteBuffer out = ByteBuffer.allocate(end).order(ByteOrder.LITTLE_ENDIAN);
    out.putInt(0x464c457f).put(new byte[] {2, 1, 1, 0}).putLong(0);
    out.putShort((short) 4).putShort((short) 62).putInt(1).putLong(0);
    out.putLong(64).putLong(64 + 56 * (loads.length + 1)).putInt(0);
    out.putShort((short) 8).putShort((short) 56).putShort((short) (loads.length + 1));
    out.putShort((short) 64).putShort((short) 1).putShort((short) 0);
    program(out, 4, headers, 0, notes.length, notes.length);
    for (Load load : loads) {
      program(out, 1, at, load.physical(), load.bytes().remaining(), load.memoryBytes());
      at += load.bytes().remaining();
    }
    out.position(headers).put(notes).flip();
    try (FileChannel file =
        FileChannel.open(
            path,
            StandardOpenOption.CREATE,
            StandardOpenOption.WRITE,
            StandardOpenOption.TRUNCATE_EXISTING)) {
      file.write(out);
      for (Load load : loads) {
        file.write(load.bytes().duplicate());
      }
    }
  }

  private static void program(
      ByteBuffer out, int type, long offset, long physical, long fileBytes, long memoryBytes) {
    out.putInt(type).putInt(0).putLong(offset).putLong(physical).putLong(physical);
    out.putLong(fileBytes).putLong(memoryBytes).putLong(0);
  }
}
