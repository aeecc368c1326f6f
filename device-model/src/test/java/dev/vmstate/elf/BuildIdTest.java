package dev.vmstate.elf;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.vmstate.bytes.ByteSource;
import dev.vmstate.bytes.FormatException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class BuildIdTest {
  private static final int SECTIONS = 64;
  private static final int NOTES = 256;
  private final ByteBuffer file = ByteBuffer.allocate(512).order(ByteOrder.LITTLE_ENDIAN);

  BuildIdTest() {
    file.putInt(0, 0x464c457f).put(4, (byte) 2).put(5, (byte) 1);
    file.putLong(40, SECTIONS).putShort(58, (short) 64).putShort(60, (short) 2);
    file.putInt(SECTIONS + 64 + 4, 7).putLong(SECTIONS + 64 + 24, NOTES);
    file.putLong(SECTIONS + 64 + 32, 20 + 16 + 4);
    note(NOTES, "Xen", 6, 4);
    note(NOTES + 20, "GNU", 3, 4);
    file.putInt(NOTES + 36, 0x0403_0201);
  }

  private void note(int at, String owner, int type, int bytes) {
    file.putInt(at, 4).putInt(at + 4, bytes).putInt(at + 8, type);
    file.position(at + 12).put(owner.getBytes(StandardCharsets.US_ASCII));
  }

  private Optional<String> read() throws Exception {
    return BuildId.of(ByteSource.of("vmlinux", file.array()));
  }

  @Test
  void theNoteOfTheLinkerIsFoundBehindOthers() throws Exception {
    assertEquals(Optional.of("01020304"), read());
  }

  @Test
  void aFileWithoutOneHasNone() throws Exception {
    file.putInt(NOTES + 28, 1);
    assertEquals(Optional.empty(), read());
    file.putShort(60, (short) 0);
    assertEquals(Optional.empty(), read());
  }

  @Test
  void lengthsBeyondTheFileAreReported() {
    file.putLong(SECTIONS + 64 + 32, 257);
    assertEquals(
        "vmlinux: at offset 0x0: notes at 0x100+0x101, file ends at 0x200",
        assertThrows(FormatException.class, this::read).getMessage());
    file.putLong(40, 450);
    assertThrows(FormatException.class, this::read);
    file.putInt(0, 0);
    assertThrows(FormatException.class, this::read);
  }
}
