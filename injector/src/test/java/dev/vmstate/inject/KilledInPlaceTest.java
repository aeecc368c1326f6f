package dev.vmstate.inject;

import static dev.vmstate.inject.Edits.assertSameBytes;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vmstate.exchange.Extraction;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Kills a program that changes a snapshot in place and takes it back, again and again. */
class KilledInPlaceTest {
  /** {@code -Dvmstate.kills=500} for an afternoon. */
  private static final int KILLS = Integer.getInteger("vmstate.kills", 8);

  @TempDir Path directory;

  /** The victim. Says {@code .} before each change, so that the killer knows when it began. */
  static final class Child {
    public static void main(String[] args) throws Exception {
      Path vm = Path.of(args[0]);
      Path snapshot = Path.of(args[1]);
      while (true) {
        System.out.write('.');
        System.out.flush();
        Edits.inPlace(vm, Opener.PLAIN);
        System.out.write('u');
        System.out.flush();
        InPlace.undo(snapshot);
      }
    }
  }

  @Test
  void whenKilledAtAnyTimeTheFileIsOldOrNewOrUndoMakesItOld() throws Exception {
    long seed = Long.getLong("vmstate.seed", 1);
    SplittableRandom random = new SplittableRandom(seed);
    TestMachine machine =
        new TestMachine(seed)
            .ramPages(2500)
            .part(pass -> pass.pages(TestMachine.RAM, 0, 900))
            .end(pass -> pass.pages(TestMachine.RAM, 100, 100));
    machine.builder.padding(3 << 20); // a tail that takes a while to move
    byte[] old = machine.stream();
    Path snapshot = machine.write(directory.resolve("vm.mig"));
    Path vm = directory.resolve("vm");
    TestMachine.extract(snapshot, vm);
    for (int page = 0; page < 2000; page++) {
      if (page < 0xa0 || page >= 0x100) {
        Edits.memory(vm.resolve(Extraction.CORE), page * 4096L + random.nextInt(4096), (byte) 1);
      }
    }
    Path fresh = directory.resolve("new.mig");
    Edits.inject(vm, fresh);
    byte[] now = Files.readAllBytes(fresh);
    assertTrue(now.length > old.length + (1 << 20));
    kill(vm, snapshot, Files::readAllBytes, old, now, random, seed);
  }

  @Test
  void whenKilledAtAnyTimeBothFilesOfADirectoryAreOldOrNewOrUndoMakesThemOld() throws Exception {
    long seed = Long.getLong("vmstate.seed", 1);
    KvmMachine machine = new KvmMachine(seed, 3000);
    byte[] old = machine.bytes();
    Path snapshot = machine.write(directory.resolve("snap"));
    Path vm = KvmMachine.extract(snapshot, directory.resolve("vm"));
    Path xml = vm.resolve(Extraction.HARDWARE);
    String text = Files.readString(xml);
    Files.writeString(
        xml,
        text.replaceFirst(
            "<register name=\"(r15|rcx)\" value=\"[^\"]*\"",
            "<register name=\"$1\" value=\"0x123456789abcdef\""));
    for (int page = 0; page < 3000; page++) {
      byte[] bytes = {(byte) machine.random.nextInt(), 1};
      long at = KvmMachine.HIGH + page * 4096L + machine.random.nextInt(4095);
      Edits.memory(vm.resolve(Extraction.CORE), at, bytes);
    }
    Path fresh = directory.resolve("new");
    assertEquals(1, Edits.inject(vm, fresh).fields().size());
    byte[] now = KvmMachine.bytes(fresh);
    kill(vm, snapshot, KvmMachine::bytes, old, now, machine.random, seed);
  }

  /** All bytes of a snapshot. */
  private interface Contents {
    byte[] of(Path snapshot) throws IOException;
  }

  private void kill(
      Path vm,
      Path snapshot,
      Contents contents,
      byte[] old,
      byte[] now,
      SplittableRandom random,
      long seed)
      throws Exception {
    int[] outcomes = new int[3];
    // A busy machine may need a few more to hit the middle.
    for (int kill = 0; kill < KILLS || outcomes[1] == 0 && kill < 8 * KILLS; kill++) {
      killOne(vm, snapshot, kill % 2 == 0 ? '.' : 'u', random);
      String what = "-Dvmstate.seed=%d, kill %d".formatted(seed, kill);
      byte[] left = contents.of(snapshot);
      if (!Files.exists(UndoJournal.beside(snapshot))) {
        outcomes[0]++;
        assertSameBytes(old, left, what + ", no journal");
      } else {
        boolean pending =
            UndoJournal.of(snapshot, Opener.PLAIN).orElseThrow().state()
                == UndoJournal.State.PENDING;
        outcomes[pending ? 1 : 2]++;
        if (!pending) {
          assertSameBytes(now, left, what + ", journal says done");
        }
        InPlace.undo(snapshot);
        assertSameBytes(old, contents.of(snapshot), what + ", taken back");
      }
    }
    assertTrue(outcomes[1] > 0, "never killed half-way: " + Arrays.toString(outcomes));
  }

  /** Starts a child, lets it make a few rounds, and kills it some time after it says {@code at}. */
  private void killOne(Path vm, Path snapshot, int at, SplittableRandom random) throws Exception {
    Process child =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Xshare:auto",
                "-XX:TieredStopAtLevel=1",
                "-cp",
                System.getProperty("java.class.path"),
                Child.class.getName(),
                vm.toString(),
                snapshot.toString())
            .redirectError(ProcessBuilder.Redirect.INHERIT)
            .start();
    try (InputStream out = child.getInputStream()) {
      long took = 0;
      for (int round = 0; round < 2; round++) { // the first one warms the child up
        assertEquals('.', said(out));
        long began = System.nanoTime();
        assertEquals('u', said(out));
        took = System.nanoTime() - began;
      }
      while (said(out) != at) {
        // the other half of the round
      }
      if (at == '.' && random.nextBoolean()) {
        // The moment that matters most: the journal is there, the file begins to change.
        Path journal = UndoJournal.beside(snapshot);
        while (!Files.exists(journal)) {
          Thread.onSpinWait();
        }
        LockSupport.parkNanos(random.nextLong(took / 4 + 1));
      } else {
        LockSupport.parkNanos(random.nextLong(took));
      }
    } finally {
      child.destroyForcibly();
      assertTrue(child.waitFor(30, TimeUnit.SECONDS));
    }
  }

  private static int said(InputStream out) throws IOException {
    int said = out.read();
    assertTrue(said >= 0, "the child ended by itself");
    return said;
  }
}
