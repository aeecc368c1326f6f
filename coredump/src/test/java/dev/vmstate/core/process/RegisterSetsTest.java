package dev.vmstate.core.process;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.HexFormat;
import java.util.Map;
import org.junit.jupiter.api.Test;

class RegisterSetsTest {
  private static final UserRegisters SELECTORS =
      new UserRegisters(Map.of("cs", 0x23L, "ds", 0x2bL));

  private final ByteBuffer fxsave =
      ByteBuffer.allocate(512).order(ByteOrder.LITTLE_ENDIAN).putShort(0, (short) 0x37f);

  @Test
  void anFpuNobodyUsedIsAsLinuxDumpsIt() {
    byte[] expected = new byte[108];
    byte[] head =
        HexFormat.of().parseHex("7f03ffff0000ffffffffffff0000000023000000000000002b00ffff");
    System.arraycopy(head, 0, expected, 0, head.length); // of a real core of Linux 6.1
    assertArrayEquals(expected, RegisterSets.i387(fxsave.array(), SELECTORS, true));
  }

  @Test
  void tagsSayWhatIsInTheRegisters() {
    fxsave.putShort(2, (short) (5 << 11)); // TOP: R5 is ST(0)
    fxsave.put(4, (byte) 0b1110_0000);
    fxsave.putLong(32, 1L << 63).putShort(40, (short) 0x3fff); // 1.0
    fxsave.putLong(48, 0); // 0.0
    fxsave.putLong(64, 3L << 62).putShort(72, (short) 0x7fff); // NaN
    byte[] out = RegisterSets.i387(fxsave.array(), SELECTORS, true);
    int tags = ByteBuffer.wrap(out).order(ByteOrder.LITTLE_ENDIAN).getInt(8);
    assertEquals(0b10_01_00_11_11_11_11_11, tags & 0xffff);
    assertEquals((byte) 0x80, out[28 + 7]);
    assertEquals((byte) 0xc0, out[28 + 20 + 7]);
  }

  @Test
  void anI386KernelHasTheSelectorsFromTheFpu() {
    fxsave.putShort(6, (short) 0x1d9).putInt(8, 0x8048000).putShort(12, (short) 0x73);
    fxsave.putInt(16, 0xbfff_0000).putInt(20, 0x7b);
    ByteBuffer out =
        ByteBuffer.wrap(RegisterSets.i387(fxsave.array(), SELECTORS, false))
            .order(ByteOrder.LITTLE_ENDIAN);
    assertEquals(0x8048000, out.getInt(12));
    assertEquals(0x1d9_0073, out.getInt(16));
    assertEquals(0xbfff_0000, out.getInt(20));
    assertEquals(0x7b, out.getInt(24));
  }
}
