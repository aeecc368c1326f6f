package dev.vmstate.inject;

import static dev.vmstate.inject.Edits.assertSameBytes;
import static dev.vmstate.inject.TestMachine.PAGE;
import static dev.vmstate.inject.TestMachine.RAM;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vmstate.exchange.Extraction;
import dev.vmstate.fixtures.MigrationStreamBuilder;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class MappedEditTest {
  @TempDir Path directory;

  static LongStream seeds() {
    return TestMachine.seeds(30);
  }

  /** Offsets as the block's header has them. */
  private record Place(int bitmap, int pages) {
    static Place of(byte[] stream, String block) {
      byte[] name = ((char) block.length() + block).getBytes(StandardCharsets.ISO_8859_1);
      int at = 0;
      while (!Arrays.equals(stream, at, at + name.length, name, 0, name.length)) {
        at++;
      }
      ByteBuffer header = ByteBuffer.wrap(stream, at + name.length + 8 + 4 + 8, 16);
      return new Place((int) header.getLong(), (int) header.getLong());
    }
  }

  /** Whole pages where they belong, and the bits of those that had none. */
  private static byte[] expected(TestMachine machine, byte[] stream, Map<String, byte[]> edited) {
    byte[] patched = stream.clone();
    for (Map.Entry<String, byte[]> block : edited.entrySet()) {
      byte[] was = machine.memory(block.getKey());
      Place place = Place.of(stream, block.getKey());
      for (int page = 0; page < was.length / PAGE; page++) {
        int from = page * PAGE;
        if (!Arrays.equals(was, from, from + PAGE, block.getValue(), from, from + PAGE)) {
          System.arraycopy(block.getValue(), from, patched, place.pages() + from, PAGE);
          patched[place.bitmap() + page / 8] |= (byte) (1 << page % 8);
        }
      }
    }
    return patched;
  }

  @ParameterizedTest(name = "-Dvmstate.seed={0}")
  @MethodSource("seeds")
  void pagesAndBitsChangeWhereTheyStandAndNothingElse(long seed) throws IOException {
    TestMachine machine = TestMachine.mapped(seed);
    Path snapshot = machine.write(directory.resolve("vm.mig"));
    byte[] stream = Files.readAllBytes(snapshot);
    Path vm = directory.resolve("vm");
    TestMachine.extract(snapshot, vm);
    Map<String, byte[]> edited =
        MemoryEditTest.edit(machine, vm.resolve(Extraction.CORE), new SplittableRandom(seed));
    Path output = directory.resolve("new.mig");
    InjectionReport report = Edits.inject(vm, output);
    byte[] expected = expected(machine, stream, edited);
    assertSameBytes(expected, Files.readAllBytes(output), "new snapshot");
    assertSameBytes(stream, Files.readAllBytes(snapshot), "the old one");
    for (Map.Entry<String, byte[]> block : edited.entrySet()) {
      assertSameBytes(block.getValue(), Edits.memoryOf(output, block.getKey()), block.getKey());
    }
    assertEquals(0, report.appendedPages());
    Edits.inPlace(vm, Opener.PLAIN);
    assertSameBytes(expected, Files.readAllBytes(snapshot), "changed in place");
    InPlace.undo(snapshot);
    assertSameBytes(stream, Files.readAllBytes(snapshot), "taken back");
  }

  /** Offsets in the stream count from the start of the file, edits from the start of the stream. */
  @Test
  void aStreamAtAnOffsetIsChangedWhereItStands() throws IOException {
    TestMachine machine = new TestMachine(1);
    machine.builder.mappedRam(PAGE).streamAt(5000);
    machine.part(pass -> {});
    byte[] stream = machine.stream();
    byte[] file = ByteBuffer.allocate(5000 + stream.length + 77).put(5000, stream).array();
    Path snapshot = Files.write(directory.resolve("vm.mig"), file);
    Path vm = directory.resolve("vm");
    TestMachine.extract(snapshot, vm);
    Edits.memory(vm.resolve(Extraction.CORE), 9 * PAGE, new byte[] {1, 2, 3});
    Path output = directory.resolve("new.mig");
    Edits.inject(vm, output);
    Place place = Place.of(stream, RAM); // in the file
    file[place.bitmap() + 1] |= 2;
    System.arraycopy(new byte[] {1, 2, 3}, 0, file, place.pages() + 9 * PAGE, 3);
    assertSameBytes(file, Files.readAllBytes(output), "new snapshot");
  }

  /** A page that becomes zero keeps its bit: its bytes are zeros, which is as good. */
  @Test
  void aPageThatBecomesZeroIsWrittenAsZeros() throws IOException {
    TestMachine machine = new TestMachine(1);
    machine.builder.mappedRam(PAGE);
    machine.part(pass -> {});
    machine.builder.mappedPage(RAM, 3, 5);
    Path snapshot = machine.write(directory.resolve("vm.mig"));
    Path vm = directory.resolve("vm");
    TestMachine.extract(snapshot, vm);
    Edits.memory(vm.resolve(Extraction.CORE), 3 * PAGE, new byte[PAGE]);
    byte[] stream = Files.readAllBytes(snapshot);
    Path output = directory.resolve("new.mig");
    Edits.inject(vm, output);
    Place place = Place.of(stream, RAM);
    Arrays.fill(stream, place.pages() + 3 * PAGE, place.pages() + 4 * PAGE, (byte) 0);
    assertSameBytes(stream, Files.readAllBytes(output), "new snapshot");
  }

  @Test
  void memoryThatIsNotInTheSnapshotCannotBeChanged() throws IOException {
    for (boolean mapped : new boolean[] {true, false}) {
      TestMachine machine = new TestMachine(1);
      MigrationStreamBuilder builder = machine.builder.capability("x-ignore-shared");
      if (mapped) {
        builder.mappedRam(PAGE).elsewhere(RAM);
      }
      machine.end(
          pass -> {
            if (!mapped) {
              pass.pages(TestMachine.BIOS, 0, 16);
            }
          });
      Path snapshot = machine.write(directory.resolve("vm" + mapped + ".mig"));
      Path vm = directory.resolve("vm" + mapped);
      TestMachine.extract(snapshot, vm);
      Edits.memory(vm.resolve(Extraction.CORE), 3 * PAGE, new byte[] {1});
      IOException e =
          assertThrows(IOException.class, () -> Edits.inject(vm, directory.resolve("new.mig")));
      assertTrue(e.getMessage().contains("RAM block 'pc.ram' is shared memory"), e.getMessage());
    }
  }
}
