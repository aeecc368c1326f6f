package dev.vmstate.core.log;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vmstate.core.log.HandRing.Read;
import dev.vmstate.core.log.LogRecord.State;
import dev.vmstate.core.objects.HandKernel;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.SplittableRandom;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

class PrintkRingTest {
  @Test
  void aRingOfAKernelThatHasSaidNothingIsEmpty() throws Exception {
    assertEquals(new Read(List.of(), List.of()), new HandRing(3, 8, false).read());
  }

  @Test
  void recordsHaveAllThatTheirWriterSaid() throws Exception {
    HandRing ring = new HandRing(3, 8, false);
    ring.add("Linux").add("found", HandRing.FINALIZED, 3, "pci", "+pci:0000:00:03.0").add("");
    Read read = ring.read();
    assertEquals(List.of(), read.notes());
    assertEquals(
        new LogRecord(
            1,
            1_500_000_000L,
            0,
            3,
            2,
            OptionalLong.of(1L << 31 | 1),
            Optional.empty(),
            "found",
            List.of("SUBSYSTEM=pci", "DEVICE=+pci:0000:00:03.0"),
            State.FINALIZED,
            true),
        read.records().get(1));
    assertEquals(List.of("Linux", "found", ""), read.texts());
    assertEquals(Optional.of("T0"), read.records().get(0).callerName());
    assertEquals(Optional.of("C1"), read.records().get(1).callerName());
  }

  /** Both rings wrap, several times; a block that ends where the ring does is at either place. */
  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void theYoungestAreThereHoweverOftenItWentAround(boolean fitting) throws Exception {
    HandRing ring = new HandRing(4, 8, fitting);
    List<String> said = new ArrayList<>();
    SplittableRandom random = new SplittableRandom(6);
    for (int i = 0; i < 300; i++) {
      String text = i % 7 == 0 ? "" : ("record %d ".formatted(i) + "x".repeat(random.nextInt(30)));
      ring.add(text);
      said.add(text);
      Read read = ring.read();
      int size = read.records().size();
      assertEquals(List.of(), read.notes(), "after " + i);
      assertEquals(said.subList(said.size() - size, said.size()), read.texts());
      assertTrue(size >= Math.min(i + 1, 4), size + " after " + i);
      assertEquals(i, read.records().get(size - 1).seq());
    }
  }

  @Test
  void recordsThatAreNotFinishedAreTold() throws Exception {
    HandRing ring = new HandRing(3, 8, false);
    ring.add("first").add("half a sen\0\0\0", HandRing.RESERVED, 6, "", "");
    ring.kernel.bytes(HandRing.INFOS + 88 + 16, new byte[2]); // its length comes last
    ring.add("and then", HandRing.COMMITTED, 6, "", "");
    Read read = ring.read();
    assertEquals(List.of("first", "half a sen", "and then"), read.texts());
    assertEquals(
        List.of(State.FINALIZED, State.RESERVED, State.COMMITTED),
        read.records().stream().map(LogRecord::state).toList());
    assertEquals(List.of("1 records of the log were being written"), read.notes());
  }

  @Test
  void aRecordThatFoundNoRoomIsTold() throws Exception {
    HandRing ring = new HandRing(3, 8, false);
    ring.add("first").add("lost").add("third");
    ring.descriptor(ring.head() - 1, HandRing.FINALIZED, 1, 1);
    Read read = ring.read();
    assertEquals(List.of("first", "", "third"), read.texts());
    assertFalse(read.records().get(1).whole());
    assertEquals(List.of("the text of 1 records of the log is gone, or cut"), read.notes());
  }

  @Test
  void aBlockThatIsAnothersIsNotTaken() throws Exception {
    HandRing ring = new HandRing(3, 8, false);
    ring.add("first").add("second");
    ring.kernel.word(HandRing.DATA, 77);
    Read read = ring.read();
    assertEquals(List.of("", "second"), read.texts());
    assertFalse(read.records().get(0).whole());
  }

  @Test
  void aHeadThatRanAwayCostsNoMoreThanTheRing() throws Exception {
    HandRing ring = new HandRing(3, 8, false);
    ring.add("first").add("second");
    ring.kernel.word(HandRing.RING + 32, 0x1234_5678_9abcL);
    Read read = assertTimeoutPreemptively(Duration.ofSeconds(20), () -> ring.read());
    assertEquals(List.of("first", "second"), read.texts());
    assertTrue(read.notes().get(0).contains("the youngest 8 are read"), read.notes().get(0));
  }

  @Test
  void aRingLargerThanAnyKernelsIsRefusedAndOneWithoutMemoryEnds() throws Exception {
    HandRing ring = new HandRing(3, 8, false);
    ring.add("first");
    ring.kernel.word(HandRing.RING, 27);
    assertTrue(
        String.valueOf(assertThrows(IOException.class, ring::read).getMessage())
            .contains("a ring of 2^27 descriptors is larger than any kernel's"));
    ring.kernel.word(HandRing.RING, 26).word(HandRing.RING + 8, 0x1000);
    ring.kernel.word(HandRing.RING + 32, 5L << 40);
    Read read = assertTimeoutPreemptively(Duration.ofSeconds(20), () -> ring.read());
    assertEquals(List.of(), read.records());
    assertTrue(read.notes().get(1).startsWith("the log ends early"), read.notes().toString());
  }

  static LongStream seeds() {
    Long one = Long.getLong("vmstate.seed");
    return one != null ? LongStream.of(one) : LongStream.range(0, 200);
  }

  @ParameterizedTest(name = "-Dvmstate.seed={0}")
  @MethodSource("seeds")
  void changedBytesGiveRecordsOrNotesAndNothingElse(long seed) throws Exception {
    SplittableRandom random = new SplittableRandom(seed);
    HandRing ring = new HandRing(3, 8, random.nextBoolean());
    for (int i = 0; i < 20; i++) {
      ring.add("record %d".formatted(i));
    }
    long[] places = {HandRing.RING, HandRing.DESCS, HandRing.INFOS, HandRing.DATA};
    int[] sizes = {80, 8 * 24, 8 * 88, 256};
    for (int i = random.nextInt(1, 10); i > 0; i--) {
      int place = random.nextInt(4);
      byte[] bytes = new byte[random.nextInt(1, 8)];
      random.nextBytes(bytes);
      ring.kernel.bytes(places[place] + random.nextInt(sizes[place] - 8), bytes);
    }
    assertTimeoutPreemptively(
        Duration.ofSeconds(30),
        () -> {
          try {
            ring.read();
          } catch (IOException refused) {
            assertFalse(String.valueOf(refused.getMessage()).isEmpty());
          }
        });
  }

  @Test
  void aKernelThatDoesNotSayWhereItsLogIsIsNamed() {
    IOException none =
        assertThrows(
            IOException.class, () -> KernelLog.of(new HandKernel().objects(), Optional.empty()));
    assertTrue(String.valueOf(none.getMessage()).contains("neither kallsyms nor VMCOREINFO"));
  }
}
