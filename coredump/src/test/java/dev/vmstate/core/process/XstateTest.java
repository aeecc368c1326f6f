package dev.vmstate.core.process;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.OptionalLong;
import org.junit.jupiter.api.Test;

class XstateTest {
  private static final long AVX = 1 << 2;
  private static final long MASKS = 1 << 5;
  private static final long PKRU = 1 << 9;
  private static final long TILECFG = 1 << 17;
  private static final long ALL = 3 | AVX | MASKS | PKRU | TILECFG;
  private static final long COMPACTED = 1L << 63;

  private static XstateLayout layout() {
    int[] offsets = new int[XstateLayout.FEATURES];
    int[] sizes = new int[XstateLayout.FEATURES];
    int[] flags = new int[XstateLayout.FEATURES];
    place(offsets, sizes, 2, 576, 256);
    place(offsets, sizes, 5, 1088, 64);
    place(offsets, sizes, 9, 832, 8); // as AMD has it
    place(offsets, sizes, 17, 1216, 64);
    flags[17] = 2;
    return new XstateLayout(
        1280,
        ALL,
        XstateLayout.Table.of(offsets),
        XstateLayout.Table.of(sizes),
        XstateLayout.Table.of(flags),
        little(48).putLong(0, ALL),
        little(576).putShort(0, (short) 0x37f).putInt(24, 0x1f80));
  }

  private static void place(int[] offsets, int[] sizes, int feature, int offset, int size) {
    offsets[feature] = offset;
    sizes[feature] = size;
  }

  private static ByteBuffer little(int bytes) {
    return ByteBuffer.allocate(bytes).order(ByteOrder.LITTLE_ENDIAN);
  }

  /** x87 full of 1, MXCSR of 2, ST of 3, XMM of 4; garbage where software may write. */
  private static ByteBuffer image(int bytes, long bv, long xcompBv) {
    ByteBuffer image = little(bytes);
    Arrays.fill(image.array(), 0, 24, (byte) 1);
    Arrays.fill(image.array(), 24, 32, (byte) 2);
    Arrays.fill(image.array(), 32, 160, (byte) 3);
    Arrays.fill(image.array(), 160, 416, (byte) 4);
    Arrays.fill(image.array(), 416, 512, (byte) 0xee);
    return image.putLong(512, bv).putLong(520, xcompBv);
  }

  private static byte[] note(ByteBuffer image, long mask, OptionalLong pkru) {
    XstateLayout layout = layout();
    return new Xstate(layout, image.array(), layout.offsets()).xsave(mask, pkru);
  }

  @Test
  void compactedComponentsGoWhereTheStandardFormHasThem() {
    ByteBuffer compacted = image(1088, ALL, ALL | COMPACTED);
    Arrays.fill(compacted.array(), 576, 832, (byte) 5);
    Arrays.fill(compacted.array(), 832, 896, (byte) 6);
    Arrays.fill(compacted.array(), 896, 904, (byte) 7);
    Arrays.fill(compacted.array(), 960, 1024, (byte) 8); // aligned: 904 is not
    ByteBuffer standard = image(1280, ALL, 0);
    Arrays.fill(standard.array(), 576, 832, (byte) 5);
    Arrays.fill(standard.array(), 832, 840, (byte) 7);
    Arrays.fill(standard.array(), 1088, 1152, (byte) 6);
    Arrays.fill(standard.array(), 1216, 1280, (byte) 8);
    byte[] expected = standard.array().clone();
    Arrays.fill(expected, 416, 512, (byte) 0);
    ByteBuffer.wrap(expected).order(ByteOrder.LITTLE_ENDIAN).putLong(464, ALL);
    assertArrayEquals(expected, note(compacted, ALL, OptionalLong.empty()));
    assertArrayEquals(expected, note(standard, ALL, OptionalLong.empty()));
  }

  @Test
  void aComponentThatIsNotThereTakesNoRoom() {
    ByteBuffer compacted = image(1024, MASKS, MASKS | COMPACTED);
    Arrays.fill(compacted.array(), 576, 640, (byte) 6);
    byte[] note = note(compacted, ALL, OptionalLong.empty());
    assertEquals(6, note[1088]);
    assertEquals(0, note[1087]);
    assertEquals(0, note[576]);
  }

  @Test
  void whatWasNotSavedIsAsAtReset() {
    byte[] note = note(image(1088, AVX, ALL | COMPACTED), ALL, OptionalLong.empty());
    ByteBuffer read = ByteBuffer.wrap(note).order(ByteOrder.LITTLE_ENDIAN);
    assertEquals(0x37f, read.getShort(0));
    assertEquals(0x0202_0202, read.getInt(24), "MXCSR goes with AVX");
    assertEquals(0, read.get(160));
    assertEquals(AVX, read.getLong(512));
    byte[] none = note(image(1088, 0, ALL | COMPACTED), ALL, OptionalLong.empty());
    assertEquals(0x1f80, ByteBuffer.wrap(none).order(ByteOrder.LITTLE_ENDIAN).getInt(24));
  }

  @Test
  void componentsTheThreadMayNotHaveAreLeftOut() {
    ByteBuffer image = image(1280, ALL, 0);
    Arrays.fill(image.array(), 1216, 1280, (byte) 8);
    byte[] note = note(image, ALL & ~TILECFG, OptionalLong.empty());
    assertEquals(0, note[1216]);
    assertEquals(ALL & ~TILECFG, ByteBuffer.wrap(note).order(ByteOrder.LITTLE_ENDIAN).getLong(512));
  }

  @Test
  void protectionKeysComeFromTheTask() {
    byte[] note = note(image(1088, 3, ALL | COMPACTED), ALL, OptionalLong.of(0x5555_5554));
    assertEquals(0x5555_5554, ByteBuffer.wrap(note).order(ByteOrder.LITTLE_ENDIAN).getInt(832));
  }

  @Test
  void anImageThatEndsTooEarlyHasWhatIsInIt() {
    ByteBuffer compacted = image(600, ALL, ALL | COMPACTED);
    assertEquals(0, note(compacted, ALL, OptionalLong.empty())[576]);
  }

  @Test
  void fxsaveHasNothingOfSoftwares() {
    XstateLayout layout = layout();
    byte[] legacy = new Xstate(layout, image(1280, ALL, 0).array(), layout.offsets()).fxsave();
    assertEquals(512, legacy.length);
    assertEquals(4, legacy[415]);
    assertEquals(0, legacy[416]);
    assertEquals(0, legacy[464]);
  }
}
