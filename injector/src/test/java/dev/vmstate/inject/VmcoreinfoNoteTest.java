package dev.vmstate.inject;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vmstate.bytes.Progress;
import dev.vmstate.container.FileSource;
import dev.vmstate.elf.CoreFile;
import dev.vmstate.elf.CoreNote;
import dev.vmstate.exchange.Extraction;
import dev.vmstate.exchange.Manifest;
import dev.vmstate.snapshot.StreamSnapshot;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A Linux of four pages: banner, and the tables that map them. */
class VmcoreinfoNoteTest {
  private static final int PAGE = TestMachine.PAGE;
  private static final String TEXT =
      "OSRELEASE=6.1.0-tiny\nPAGESIZE=4096\nSYMBOL(_stext)=ffffffff81000000\nNUMBER(phys_base)=%d\n"
          .formatted(15 * PAGE - (16 << 20));

  @TempDir Path directory;
  private Path snapshot;
  private Path vm;

  @BeforeEach
  void extract() throws IOException {
    vm = directory.resolve("vm");
    TestMachine machine =
        new TestMachine(1)
            .part(
                pass -> {
                  pass.page(TestMachine.RAM, 15, text("Linux version 6.1.0-tiny (a) (b) #1 now\n"));
                  pass.page(TestMachine.RAM, 16, table(511, 17, 273, 20));
                  pass.page(TestMachine.RAM, 17, table(510, 18));
                  pass.page(TestMachine.RAM, 18, table(8, 19));
                  pass.page(TestMachine.RAM, 19, table(0, 15, 1, 16, 2, 17, 3, 18));
                  pass.page(TestMachine.RAM, 30, text(TEXT.replace("tiny", "gone")));
                  pass.page(TestMachine.RAM, 31, text(TEXT));
                  pass.page(TestMachine.RAM, 30, text("used again"));
                });
    snapshot = machine.write(directory.resolve("vm.mig"));
    TestMachine.extract(snapshot, vm);
  }

  private static byte[] text(String text) {
    return Arrays.copyOf(text.getBytes(StandardCharsets.US_ASCII), PAGE);
  }

  /** {@code slotsAndPages}: slot, page it points to, slot, … */
  private static byte[] table(int... slotsAndPages) {
    ByteBuffer table = ByteBuffer.allocate(PAGE).order(ByteOrder.LITTLE_ENDIAN);
    for (int i = 0; i < slotsAndPages.length; i += 2) {
      table.putLong(8 * slotsAndPages[i], (long) slotsAndPages[i + 1] * PAGE | 3);
    }
    return table.array();
  }

  private CoreNote note() throws IOException {
    try (FileSource file = new FileSource(vm.resolve(Extraction.CORE))) {
      List<CoreNote> notes = CoreFile.open(file).notes("VMCOREINFO", 0);
      assertEquals(1, notes.size());
      return notes.get(0);
    }
  }

  private List<String> passedOver() throws IOException {
    try (StreamSnapshot opened = StreamSnapshot.open(snapshot);
        EditPlan plan =
            Injection.plan(
                opened,
                Optional.of(vm.resolve(Extraction.CORE)),
                Optional.empty(),
                Optional.of(Manifest.read(vm)),
                Progress.NONE)) {
      assertTrue(plan.dryRun().isEmpty());
      return plan.notes();
    }
  }

  @Test
  void theCoreHasTheNoteAndTheKernelsAddresses() throws IOException {
    try (FileSource file = new FileSource(vm.resolve(Extraction.CORE))) {
      CoreFile core = CoreFile.open(file);
      byte[] now = new byte[TEXT.length()];
      core.descriptor(note()).get(now);
      assertArrayEquals(TEXT.getBytes(StandardCharsets.US_ASCII), now);
      assertTrue(
          core.loads().stream()
              .anyMatch(
                  load ->
                      load.virtual() == 0xffff_ffff_8100_0000L && load.physical() == 15 * PAGE));
    }
  }

  @Test
  void anUneditedNoteIsNoEdit() throws IOException {
    assertEquals(List.of(), passedOver());
  }

  @Test
  void anEditedNoteIsPassedOverWithAWord() throws IOException {
    try (RandomAccessFile core = new RandomAccessFile(vm.resolve(Extraction.CORE).toFile(), "rw")) {
      core.seek(note().descriptor().offset() + 10);
      core.write('9');
    }
    List<String> notes = passedOver();
    assertEquals(1, notes.size());
    assertTrue(notes.get(0).contains("VMCOREINFO note was edited"), notes.get(0));
  }
}
