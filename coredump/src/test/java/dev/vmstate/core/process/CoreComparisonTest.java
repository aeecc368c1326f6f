package dev.vmstate.core.process;

import static dev.vmstate.core.process.HandProcess.FIRST;
import static dev.vmstate.core.process.HandProcess.SECOND;
import static dev.vmstate.core.process.HandProcess.START;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vmstate.bytes.ByteSource;
import dev.vmstate.core.objects.KernelObjects;
import dev.vmstate.core.tasks.Tasks;
import dev.vmstate.elf.CoreFile;
import dev.vmstate.fixtures.ElfCoreBuilder;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class CoreComparisonTest {
  private static final long FRAME = 0x500000;

  private final HandProcess process =
      new HandProcess()
          .page(FIRST, 0, FRAME, true, 1)
          .page(FIRST, 1, FRAME + 0x1000, true, 2)
          .page(SECOND, 5, FRAME + 0x1000, true, 2)
          .page(FIRST, 2, FRAME + 0x2000, false, 1)
          .zeros(FIRST, 3)
          .swapped(FIRST, 4, 9)
          .page(FIRST, 6, FRAME, true, 1);

  /** Memory as the core has it, before it is edited. */
  private final ByteBuffer core =
      ByteBuffer.allocate(16 * 4096)
          .order(ByteOrder.LITTLE_ENDIAN)
          .putLong(0, FRAME)
          .putLong(0x1000, FRAME + 0x1000)
          .putLong(0x2000, FRAME + 0x2000)
          .putLong(0x6000, FRAME);

  private final KernelObjects objects = process.objects();

  private CoreComparison comparison() throws IOException {
    byte[] file = ElfCoreBuilder.x86().load(START, 0, core.array(), 16 * 4096).bytes();
    ByteSource source = source(file);
    return new CoreComparison(
        CoreFile.open(source),
        (offset, length) -> ByteBuffer.wrap(file, (int) offset, (int) Math.min(length, 100)),
        process.space(objects));
  }

  private static ByteSource source(byte[] file) {
    return new ByteSource() {
      @Override
      public String name() {
        return "core";
      }

      @Override
      public long size() {
        return file.length;
      }

      @Override
      public void read(long offset, ByteBuffer into) {
        into.put(file, (int) offset, into.remaining());
      }
    };
  }

  private SharedPages shared(CoreComparison comparison, List<CoreChange> changes)
      throws IOException {
    return SharedPages.of(process.space(objects), comparison.frames(), Tasks.of(objects), changes);
  }

  private String refused() {
    return assertThrows(IOException.class, () -> comparison().changes()).getMessage();
  }

  @Test
  void whatIsNotEditedIsNoChange() throws IOException {
    assertEquals(List.of(), comparison().changes());
  }

  @Test
  void aPageOfTheProcessAloneChangesAtItsFrame() throws IOException {
    core.put(0xff8, (byte) 1);
    CoreComparison comparison = comparison();
    List<CoreChange> changes = comparison.changes();
    assertEquals(1, changes.size());
    assertEquals(START, changes.get(0).virtual());
    assertEquals(FRAME, changes.get(0).physical());
    assertTrue(shared(comparison, changes).isEmpty());
  }

  @Test
  void theSamePageAtTwoAddressesChangesAtBoth() throws IOException {
    core.put(0x10, (byte) 1).put(0x6020, (byte) 2);
    List<CoreChange> changes = comparison().changes();
    assertEquals(List.of(FRAME, FRAME), changes.stream().map(CoreChange::physical).toList());
    assertEquals(
        List.of(START, START + 0x6000), changes.stream().map(CoreChange::virtual).toList());
  }

  @Test
  void aPageThatAnotherProcessMapsIsNamedWithIt() throws IOException {
    core.put(0x1010, (byte) 1);
    CoreComparison comparison = comparison();
    SharedPages shared = shared(comparison, comparison.changes());
    assertEquals("the page at 0x401000 ([heap]) is of pid 11 second too", shared.text());
    assertEquals(Optional.of("the page is of pid 11 second too"), shared.note(FRAME + 0x1000));
  }

  @Test
  void aPageOfAFileIsNamedThoughNobodyElseMapsIt() throws IOException {
    core.put(0x2010, (byte) 1);
    CoreComparison comparison = comparison();
    SharedPages shared = shared(comparison, comparison.changes());
    assertEquals("the page at 0x402000 ([heap]) is in the page cache", shared.text());
  }

  @Test
  void thePageOfZerosIsRefused() {
    core.put(0x3123, (byte) 1);
    String why = refused();
    assertTrue(why.startsWith("0x403123 ([heap]) was changed, but nobody has written"), why);
  }

  @Test
  void soIsWhatWasNeverTouched() {
    core.put(0xffff, (byte) 1);
    assertTrue(refused().startsWith("0x40ffff ([heap]) was changed, but nobody has written"));
  }

  @Test
  void whatIsOnSwapIsRefused() {
    core.put(0x4000, (byte) 1);
    assertTrue(
        refused().startsWith("0x404000 ([heap]) was changed, but it is on the guest's swap"));
  }

  @Test
  void aCoreOfSomethingElseIsNoticed() {
    byte[] file = ElfCoreBuilder.x86().load(0x7000000, 0, new byte[4096], 4096).bytes();
    IOException e =
        assertThrows(
            IOException.class,
            () ->
                new CoreComparison(
                        CoreFile.open(source(file)),
                        (offset, length) -> ByteBuffer.allocate(1),
                        process.space(objects))
                    .changes());
    assertTrue(e.getMessage().startsWith("0x7000000 is in the core, but no memory"));
  }

  @Test
  void theMarkSaysWhoseCoreItIs() throws IOException {
    ProcessMark mark = new ProcessMark(194, 5_000_000_000L, 77);
    byte[] descriptor = new byte[mark.note().descriptor().remaining()];
    mark.note().descriptor().get(descriptor);
    byte[] file = ElfCoreBuilder.x86().note("VMSTATE", 0x564d5354, descriptor).bytes();
    assertEquals(Optional.of(mark), ProcessMark.in(CoreFile.open(source(file))));
    byte[] other = ElfCoreBuilder.x86().note("VMSTATE", 0x564d5354, new byte[] {'p'}).bytes();
    assertEquals(Optional.empty(), ProcessMark.in(CoreFile.open(source(other))));
  }
}
