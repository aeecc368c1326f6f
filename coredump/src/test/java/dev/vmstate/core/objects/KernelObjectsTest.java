package dev.vmstate.core.objects;

import static dev.vmstate.core.objects.HandKernel.DIRECT;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vmstate.core.kernel.ListWalk;
import dev.vmstate.memory.UnmappedAddressException;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;

class KernelObjectsTest {
  private static final long AT = DIRECT + 0x20000;

  private final HandKernel kernel =
      new HandKernel()
          .type("thing", 64)
          .member("thing", "byte", 1, 1)
          .member("thing", "number", 4, 4)
          .member("thing", "next", 8, 8)
          .member("thing", "name", 16, 8)
          .member("thing", "large", 16, 24)
          .member("thing", "links", 40, 16)
          .bits("thing", "flag", 3, 2)
          .symbol("first_thing", AT);

  @Test
  void numbersHaveTheSizeOfTheirMember() throws IOException {
    kernel.bytes(AT, new byte[] {0x18, (byte) 0xfe, 0, 0, (byte) 0xff, (byte) 0xff, -1, -1});
    KernelObject thing = kernel.objects().variable("first_thing", "thing");
    assertEquals(0xfe, thing.number("byte"));
    assertEquals(-2, thing.signed("byte"));
    assertEquals(0xffff_ffffL, thing.number("number"));
    assertEquals(-1, thing.signed("number"));
    assertEquals(3, thing.number("flag"));
    assertEquals(-1, thing.signed("flag"));
  }

  @Test
  void followsPointers() throws IOException {
    kernel.put(AT, "thing", "next", AT + 0x1000).put(AT + 0x1000, "thing", "name", "eight letters");
    KernelObject thing = kernel.objects().at("thing", AT);
    KernelObject next = thing.follow("next", "thing").orElseThrow();
    assertEquals("eight le", next.text("name"));
    assertEquals(Optional.empty(), next.follow("next", "thing"));
    assertEquals(next, thing.objects().container(next.at("links"), "thing", "links"));
  }

  @Test
  void saysWhatTheKernelDoesNotHave() {
    KernelObject thing = kernel.objects().at("thing", AT);
    assertFalse(thing.has("colour"));
    assertEquals(
        "this kernel's thing has no member 'colour'", refused(() -> thing.number("colour")));
    assertEquals(
        "this kernel has no type 'nothing'", refused(() -> thing.as("nothing").number("x")));
    assertEquals("thing.large has 24 bytes and is no number", refused(() -> thing.number("large")));
    assertTrue(
        refused(() -> kernel.objects().variable("no_thing", "thing"))
            .startsWith("no symbol 'no_thing' in Linux 6.1.0-hand"));
    assertThrows(
        UnmappedAddressException.class, () -> kernel.objects().at("thing", 0).number("byte"));
  }

  private static String refused(Executable wrong) {
    return String.valueOf(assertThrows(NoSuchMemberException.class, wrong).getMessage());
  }

  @Test
  void listsEnd() throws IOException {
    kernel.list(AT, AT + 0x100, AT + 0x200, AT + 0x300);
    assertEquals(
        new ListWalk(List.of(AT + 0x100, AT + 0x200, AT + 0x300), Optional.empty()),
        kernel.objects().list(AT, 100));
    assertEquals(Optional.of("has more than 2 entries"), kernel.objects().list(AT, 2).fault());
    kernel.word(AT + 0x300, AT + 0x200);
    assertTrue(kernel.objects().list(AT, 100).fault().orElseThrow().contains("not to its head"));
    kernel.word(AT + 0x300, 0x1234);
    ListWalk broken = kernel.objects().list(AT, 100);
    assertEquals(3, broken.entries().size());
    assertEquals(Optional.of("leads to 0x1234, where no RAM is"), broken.fault());
  }

  @Test
  void perCpuVariables() throws IOException {
    kernel
        .symbol("__per_cpu_offset", AT)
        .symbol("__cpu_possible_mask", AT + 0x100)
        .symbol("nr_cpu_ids", AT + 0x200)
        .word(AT, 0x1000)
        .word(AT + 16, 0x3000)
        .word(AT + 0x100, 0b1101)
        .word(AT + 0x200, 3);
    PerCpu perCpu = PerCpu.of(kernel.objects());
    assertEquals(List.of(0, 2), perCpu.cpus());
    assertEquals(0x3040, perCpu.address(0x40, 2));
  }

  @Test
  void onOneProcessorAVariableIsAtItsSymbol() throws IOException {
    PerCpu perCpu = PerCpu.of(kernel.objects());
    assertEquals(List.of(0), perCpu.cpus());
    assertEquals(AT, perCpu.address(AT, 0));
  }

  private static final long NODE = AT + 0x4000;
  private static final long LEAF = AT + 0x5000;

  private void array(long head) {
    kernel
        .type("xarray", 16)
        .member("xarray", "xa_head", 8, 8)
        .type("xa_node", 576)
        .member("xa_node", "shift", 0, 1)
        .member("xa_node", "slots", 40, 512)
        .length("xa_node", "slots", 64)
        .word(AT + 8, head);
  }

  private XArray xarray() throws IOException {
    return new XArray(kernel.objects(), AT);
  }

  private Optional<String> walk(List<String> found) throws IOException {
    return xarray()
        .walk(
            1000,
            (index, entry) -> {
              found.add("%d=%x".formatted(index, entry));
              return true;
            });
  }

  @Test
  void arrayOfOneEntryHasNoNode() throws IOException {
    array(0x7000);
    List<String> found = new ArrayList<>();
    assertEquals(Optional.empty(), walk(found));
    assertEquals(List.of("0=7000"), found);
    assertEquals(0x7000, xarray().load(0));
    assertEquals(0, xarray().load(1));
  }

  @Test
  void arrayOfTwoLevels() throws IOException {
    array(NODE + 2);
    kernel.word(NODE, 6).word(NODE + 40 + 8 * 3, LEAF + 2);
    kernel.word(NODE + 40 + 8 * 5, 0x8000).word(NODE + 40 + 8 * 6, 5 << 2 | 2); // and its sibling
    kernel.word(LEAF + 40 + 8 * 63, 0x9001).word(LEAF + 40 + 8 * 9, 257 << 2 | 2); // reserved
    List<String> found = new ArrayList<>();
    assertEquals(Optional.empty(), walk(found));
    assertEquals(List.of("255=9001", "320=8000"), found);
    assertEquals(0x9001, xarray().load(3 * 64 + 63));
    assertEquals(0, xarray().load(3 * 64 + 9));
    assertEquals(0x8000, xarray().load(6 * 64 + 1));
    assertEquals(0, xarray().load(1 << 12));
  }

  @Test
  void arrayThatIsItsOwnChildEnds() throws IOException {
    array(NODE + 2);
    kernel.word(NODE, 6).word(NODE + 40, NODE + 2).word(NODE + 48, 0x7000);
    List<String> found = new ArrayList<>();
    assertTrue(walk(found).orElseThrow().contains("not below its parent"));
    assertEquals(List.of("64=7000"), found);
    assertEquals(0, xarray().load(0));
  }

  @Test
  void brokenPointersLoseNothingElse() throws IOException {
    array(NODE + 2);
    kernel.word(NODE, 6).word(NODE + 40, 0x5555_0002L).word(NODE + 48, 0x7000);
    List<String> found = new ArrayList<>();
    assertTrue(walk(found).orElseThrow().contains("where no RAM is"));
    assertEquals(List.of("64=7000"), found);
  }
}
