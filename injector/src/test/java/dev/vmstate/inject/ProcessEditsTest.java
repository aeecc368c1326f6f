package dev.vmstate.inject;

import static dev.vmstate.inject.TestMachine.PAGE;
import static dev.vmstate.inject.TestMachine.RAM;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vmstate.bytes.Progress;
import dev.vmstate.core.process.CoreChange;
import dev.vmstate.core.process.PageSource;
import dev.vmstate.snapshot.StreamSnapshot;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Pages of main memory, as a process has them at addresses of its own. */
class ProcessEditsTest {
  private static final int SEED = 5;

  @TempDir private Path directory;

  private final TestMachine machine = TestMachine.random(SEED);
  private final byte[] core = new byte[4 * PAGE];
  private Path file;

  /** Of the core: pages 3, 9 and, once more, 3. */
  @BeforeEach
  void write() throws IOException {
    file = machine.write(directory.resolve("vm.mig"));
    byte[] memory = machine.memory(RAM);
    System.arraycopy(memory, 9 * PAGE, core, 0, PAGE);
    System.arraycopy(memory, 3 * PAGE, core, PAGE, PAGE);
    System.arraycopy(memory, 3 * PAGE, core, 2 * PAGE, PAGE);
  }

  @SuppressWarnings("NullAway") // nothing here asks for the area
  private static CoreChange change(int page, int inCore) {
    return new CoreChange(
        null, 0x400000L + inCore, (long) page * PAGE, PageSource.MAPPED, inCore, PAGE);
  }

  /** Every page told of, behind its number. */
  private List<byte[]> told(List<Long> pages) throws IOException {
    List<byte[]> after = new ArrayList<>();
    try (StreamSnapshot snapshot = StreamSnapshot.open(file);
        CoreBytes bytes = new CoreBytes(Files.write(directory.resolve("core"), core))) {
      List<CoreChange> changes = List.of(change(9, 0), change(3, PAGE), change(3, 2 * PAGE));
      ProcessEdits edits =
          new ProcessEdits(snapshot.memory(), snapshot.index(Progress.NONE), bytes, changes);
      assertEquals(2, edits.count());
      edits.visit(
          (block, page, dataAt, before, now) -> {
            assertEquals(0, block);
            pages.add(page);
            after.add(now.clone());
          });
    }
    return after;
  }

  @Test
  void aPageAtTwoAddressesTakesWhatBothChange() throws IOException {
    core[PAGE + 7] ^= 1;
    core[2 * PAGE + 9] ^= 1;
    core[11] ^= 1;
    List<Long> pages = new ArrayList<>();
    List<byte[]> after = told(pages);
    assertEquals(List.of(3L, 9L), pages);
    byte[] third = Arrays.copyOfRange(machine.memory(RAM), 3 * PAGE, 4 * PAGE);
    third[7] ^= 1;
    third[9] ^= 1;
    assertArrayEquals(third, after.get(0));
    assertArrayEquals(Arrays.copyOf(core, PAGE), after.get(1));
  }

  @Test
  void twoValuesForOneByteAreRefused() {
    core[PAGE + 7] ^= 1;
    core[2 * PAGE + 7] ^= 2;
    IOException e = assertThrows(IOException.class, () -> told(new ArrayList<>()));
    assertTrue(e.getMessage().contains("0x402007 is set to"), e::getMessage);
  }
}
