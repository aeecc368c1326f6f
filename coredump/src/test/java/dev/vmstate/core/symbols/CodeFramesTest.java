package dev.vmstate.core.symbols;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vmstate.core.ArrayMemory;
import dev.vmstate.core.dwarf.PointerFrames;
import dev.vmstate.core.kernel.KernelMemory;
import dev.vmstate.core.paging.PageTables;
import dev.vmstate.core.paging.PagingMode;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class CodeFramesTest {
  private static final long CODE = 0xc000_0000L;
  private static final int CIE_BYTES = 20;

  /** One page of code, mapped at 3 GiB by a two-level table. */
  private final ArrayMemory ram =
      ArrayMemory.at(0, 1 << 16).u32(0x1000 + 4 * 768, 0x2003).u32(0x2000, 0x3003);

  private final KernelMemory memory =
      new KernelMemory(ram, new PageTables(ram, PagingMode.LEGACY, 0x1000));

  private Optional<PointerFrames> frames(String... functions) throws Exception {
    long[] starts = new long[functions.length];
    for (int i = 0; i < functions.length; i++) {
      starts[i] = CODE + 0x100L * i;
      ram.bytes(0x3000 + 0x100 * i, HexFormat.of().parseHex(functions[i].replace(" ", "")));
    }
    return CodeFrames.of(memory, starts, start -> start + 0x40, start -> start > CODE);
  }

  @Test
  void aFunctionIsFoundBehindTheRoomForFtraceAndWhatStandsBetweenPushAndMove() throws Exception {
    // arch_cpu_idle of Debian's 6.1.0-50-686-pae
    String idle = "3e8d742600 55 a12014eac5 89e5 e87e209000 5d c3";
    PointerFrames frames = frames(idle).orElseThrow();
    assertEquals(1, frames.entries());
    byte[] section = frames.bytes().array();
    String expected =
        "2c000000 00000000 000000c0 40000000" // length, CIE, start, range
            + "04 06000000 0e 08 85 02" // behind the push: CFA 8 above esp, ebp 8 below it
            + "04 07000000 0d 05" // behind the move: CFA by ebp
            + "04 06000000 0a 0c 04 04" // at the return: by esp again
            + "04 01000000 0b"; // behind it: as before
    byte[] bytes = HexFormat.of().parseHex(expected.replace(" ", ""));
    assertArrayEquals(bytes, Arrays.copyOfRange(section, CIE_BYTES, CIE_BYTES + bytes.length));
  }

  @Test
  void codeWithoutFramePointersGivesNothing() throws Exception {
    assertTrue(frames("4154 55 53 4889fb", "31c0 c3", "f30f1efa e800000000 c3").isEmpty());
  }

  @Test
  void codeThatIsFreedDoesNotSayThatThereAreFramePointers() throws Exception {
    assertTrue(frames("cc".repeat(0x40), "cc".repeat(0x40)).isEmpty());
  }

  @Test
  void aFunctionThatOnlyTheStartNeededHasItsFrameWhenItCalls() throws Exception {
    PointerFrames frames = frames("55 89e5 5d c3", "cc".repeat(0x40)).orElseThrow();
    assertEquals(2, frames.entries());
    String expected =
        "1c000000 00000000 000100c0 40000000" // length, CIE, start, range
            + "04 00000000 0e 08 85 02" // from its first byte on: as behind the push
            + "04 00000000 0d 05"; // and behind the move
    byte[] bytes = HexFormat.of().parseHex(expected.replace(" ", ""));
    byte[] section = frames.bytes().array();
    int from = CIE_BYTES + 0x30;
    assertArrayEquals(bytes, Arrays.copyOfRange(section, from, from + bytes.length));
  }

  @Test
  void codeThatIsGoneIsPassedOver() throws Exception {
    ram.bytes(0x3000, HexFormat.of().parseHex("5589e55dc3"));
    long[] starts = {CODE, CODE + 0x2000, 0x1000};
    assertEquals(
        1, CodeFrames.of(memory, starts, at -> at + 8, at -> false).orElseThrow().entries());
    long[] backwards = {CODE};
    assertTrue(CodeFrames.of(memory, backwards, at -> at - 8, at -> false).isEmpty());
  }
}
