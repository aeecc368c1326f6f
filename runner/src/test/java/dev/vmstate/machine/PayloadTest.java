package dev.vmstate.machine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vmstate.bytes.ByteSource;
import dev.vmstate.bytes.FormatException;
import dev.vmstate.bytes.UnsupportedFormatException;
import dev.vmstate.fixtures.guests.GuestProgram;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

class PayloadTest {
  private static final MachineOptions OPTIONS = MachineOptions.of(Path.of("guest"));

  private static ByteSource file(byte... bytes) {
    return ByteSource.of("guest", bytes);
  }

  private static Payload read(byte[] bytes) throws IOException {
    return Payload.read(file(bytes), OPTIONS);
  }

  /**
   * An ELF64 file of one segment: 16 bytes at 0x200000 virtual, 0x10000 physical, 0x20 in memory.
   */
  private static byte[] elf64(int headers) {
    ByteBuffer elf = ByteBuffer.allocate(64 + 56 * headers + 16).order(ByteOrder.LITTLE_ENDIAN);
    elf.putInt(0x464c457f).put((byte) 2).put((byte) 1).position(16);
    elf.putShort((short) 2).putShort((short) 62).putInt(1).putLong(0x200004).putLong(64).putLong(0);
    elf.putInt(0).putShort((short) 64).putShort((short) 56).putShort((short) headers);
    for (int i = 0; i < headers; i++) {
      elf.position(64 + 56 * i);
      elf.putInt(1).putInt(5).putLong(64 + 56L * headers);
      elf.putLong(0x200000).putLong(0x10000).putLong(16).putLong(0x20);
    }
    elf.position(64 + 56 * headers);
    for (int i = 0; i < 16; i++) {
      elf.put((byte) (i + 1));
    }
    return elf.array();
  }

  @Test
  void aFlatFileGoesToItsAddressAndBeginsThere() throws IOException {
    ArrayRam ram = new ArrayRam(0x10000);
    Payload payload = read(new byte[] {1, 2, 3});
    payload.load(file(new byte[] {1, 2, 3}), ram);
    assertEquals(BootMode.REAL16, payload.mode());
    assertEquals(0x1000, payload.entry());
    assertEquals(0x030201, ram.u32(0x1000));
    Payload long64 = Payload.read(file((byte) 1), OPTIONS.withMode(BootMode.LONG64));
    assertEquals(0x100000, long64.entry());
    Payload elsewhere = Payload.read(file((byte) 1), OPTIONS.withLoad(0x7c00).withEntry(0x7c08));
    assertEquals(0x7c00, elsewhere.pieces().get(0).gpa());
    assertEquals(0x7c08, elsewhere.entry());
  }

  @Test
  void aFileThatDoesNotFitIsRefusedInOneLine() {
    FormatException e =
        assertThrows(
            FormatException.class,
            () -> read(new byte[0x2001]).load(file(new byte[0x2001]), new ArrayRam(0x3000)));
    assertEquals(
        "guest: at offset 0x0: 0x2001 bytes for 0x1000, which is not in the RAM 0x0-0x3000:"
            + " more --memory or another place",
        e.getMessage());
    assertThrows(FormatException.class, () -> read(new byte[0]));
  }

  @Test
  void anEntryOutsideRamOrBeyondRealModeIsRefused() throws IOException {
    Payload outside = Payload.read(file((byte) 1), OPTIONS.withEntry(0x20000));
    assertThrows(FormatException.class, () -> outside.load(file((byte) 1), new ArrayRam(0x10000)));
    Payload high = Payload.read(file((byte) 1), OPTIONS.withEntry(0x100000));
    assertThrows(FormatException.class, () -> high.load(file((byte) 1), new ArrayRam(0x200000)));
  }

  @Test
  void anElfFileIsStartedAtThePhysicalAddressOfItsEntryWithZerosBehindItsBytes()
      throws IOException {
    ArrayRam ram = new ArrayRam(0x20000);
    Arrays.fill(ram.bytes(), (byte) 0xee);
    Payload payload = read(elf64(1));
    payload.load(file(elf64(1)), ram);
    assertEquals(BootMode.LONG64, payload.mode());
    assertEquals(0x10004, payload.entry());
    assertEquals(Payload.Protocol.NONE, payload.protocol());
    assertEquals(0x0807060504030201L, ram.u64(0x10000));
    assertEquals(0, ram.u64(0x10018));
    assertEquals(0xeeeeeeeeeeeeeeeeL, ram.u64(0x10020));
  }

  @Test
  void anElfFileSaysItselfWhereItGoes() {
    FormatException e =
        assertThrows(
            FormatException.class, () -> Payload.read(file(elf64(1)), OPTIONS.withLoad(0x1000)));
    assertTrue(e.getMessage().contains("leave out the load address"), e.getMessage());
  }

  @Test
  void segmentsThatOverlapAreRefused() throws IOException {
    Payload payload = read(elf64(2));
    FormatException e =
        assertThrows(
            FormatException.class, () -> payload.load(file(elf64(2)), new ArrayRam(0x20000)));
    assertTrue(e.getMessage().contains("overlaps"), e.getMessage());
  }

  @Test
  void elfFilesOfOtherMachinesAreRefused() {
    byte[] arm = elf64(1);
    arm[18] = (byte) 183;
    assertThrows(UnsupportedFormatException.class, () -> read(arm));
    byte[] big = elf64(1);
    big[5] = 2;
    assertThrows(UnsupportedFormatException.class, () -> read(big));
    byte[] core = elf64(1);
    core[16] = 4;
    assertThrows(UnsupportedFormatException.class, () -> read(core));
  }

  @Test
  void realKernelsAreStartedByTheirOwnProtocols() throws IOException {
    Payload pvh = read(GuestProgram.PVH.bytes());
    assertEquals(Payload.Protocol.PVH, pvh.protocol());
    assertEquals(BootMode.PROTECTED32, pvh.mode());
    Payload multiboot = read(GuestProgram.MULTIBOOT.bytes());
    assertEquals(Payload.Protocol.MULTIBOOT, multiboot.protocol());
    Payload forced =
        Payload.read(file(GuestProgram.PVH.bytes()), OPTIONS.withMode(BootMode.PROTECTED32));
    assertEquals(Payload.Protocol.NONE, forced.protocol());
  }

  @Test
  void aMultibootHeaderWithAddressesLoadsAFileThatIsNoElf() throws IOException {
    byte[] image = multiboot(0x10003, 0x100010, 0x100000, 0x100040, 0x100080, 0x100030);
    Payload payload = read(image);
    assertEquals(Payload.Protocol.MULTIBOOT, payload.protocol());
    assertEquals(0x100030, payload.entry());
    Payload.Piece piece = payload.pieces().get(0);
    assertEquals(new Payload.Piece(0x100000, 0, 0x40, 0x80), piece);
    assertThrows(
        FormatException.class,
        () -> read(multiboot(0x10003, 0x100040, 0x100000, 0x100040, 0x100080, 0x100030)));
    assertThrows(
        FormatException.class,
        () -> read(multiboot(0x10003, 0x100010, 0x100000, 0x100041, 0x100080, 0x100030)));
  }

  @Test
  void aMultibootHeaderThatAsksForMoreThanKnownIsRefused() {
    assertThrows(UnsupportedFormatException.class, () -> read(multiboot(0x18, 0, 0, 0, 0, 0)));
  }

  private static byte[] multiboot(int flags, int... addresses) {
    ByteBuffer image = ByteBuffer.allocate(0x40).order(ByteOrder.LITTLE_ENDIAN);
    image.position(0x10);
    image.putInt(0x1badb002).putInt(flags).putInt(-(0x1badb002 + flags));
    for (int address : addresses) {
      image.putInt(address);
    }
    return image.array();
  }

  @Test
  void damagedFilesAreRefusedOrLoadedAndNothingElse() throws IOException {
    byte[][] good = {
      elf64(2),
      GuestProgram.PVH.bytes(),
      GuestProgram.MULTIBOOT.bytes(),
      multiboot(0x10003, 0x100010, 0x100000, 0x100040, 0x100080, 0x100030)
    };
    int loaded = 0;
    int refused = 0;
    for (long seed = 0; seed < 4000; seed++) {
      SplittableRandom random = new SplittableRandom(seed);
      byte[] bytes = good[random.nextInt(good.length)].clone();
      for (int i = 0; i <= random.nextInt(4); i++) {
        int at = random.nextInt(Math.min(bytes.length, 0x180));
        bytes[at] = (byte) (random.nextBoolean() ? 0xff : random.nextInt());
      }
      if (random.nextInt(4) == 0) {
        bytes = Arrays.copyOf(bytes, random.nextInt(bytes.length) + 1);
      }
      ArrayRam ram = new ArrayRam(0x200000);
      try {
        Payload payload = read(bytes);
        payload.load(file(bytes), ram);
        loaded++;
      } catch (FormatException e) {
        refused++;
        assertFalse(e.getMessage().contains("\n"), e.getMessage());
      }
    }
    assertTrue(loaded > 100 && refused > 100, loaded + " loaded, " + refused + " refused");
  }
}
