package dev.vmstate.inject;

import static dev.vmstate.inject.Edits.assertSameBytes;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vmstate.bytes.Patch;
import dev.vmstate.bytes.Progress;
import dev.vmstate.compress.Compression;
import dev.vmstate.compress.Feed;
import dev.vmstate.compress.ForwardSource;
import dev.vmstate.container.Containers;
import dev.vmstate.container.SnapshotName;
import dev.vmstate.device.EditSet;
import dev.vmstate.exchange.CoreFormat;
import dev.vmstate.exchange.Extraction;
import dev.vmstate.exchange.Manifest;
import dev.vmstate.hardware.ValuePath;
import dev.vmstate.snapshot.StreamSnapshot;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** A compressed snapshot changes like the plain one, and is compressed again. */
class PackedEditTest {
  @TempDir Path directory;

  static byte[] compressed(Compression compression, byte[] bytes) throws IOException {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    try (OutputStream packing = compression.compress(out)) {
      packing.write(bytes);
    }
    return out.toByteArray();
  }

  static byte[] decompressed(Compression compression, Path file) throws IOException {
    try (InputStream in = compression.decompress(file.toString(), Files.newInputStream(file), 0)) {
      return in.readAllBytes();
    }
  }

  private static StreamSnapshot pipe(byte[] bytes) throws IOException {
    Feed feed =
        new Feed() {
          @Override
          public InputStream open() {
            return new ByteArrayInputStream(bytes);
          }

          @Override
          public boolean again() {
            return false;
          }

          @Override
          public long consumed() {
            return 0;
          }
        };
    return StreamSnapshot.of(
        Containers.of(SnapshotName.parse("-"), new ForwardSource("pipe", feed, 1)));
  }

  private static EditPlan setRax(StreamSnapshot snapshot) throws IOException {
    EditSet edits = new EditSet();
    edits.addAll(ValuePath.edits(snapshot.hardware(), "cpu[0]/rax", "0x2a", "test"));
    return EditPlan.of(snapshot, edits);
  }

  @ParameterizedTest
  @EnumSource
  void fieldsChangeWhileTheStreamPasses(Compression compression) throws IOException {
    for (long seed = 0; seed < 5; seed++) {
      byte[] stream = TestMachine.random(seed).stream();
      Path plain = Files.write(directory.resolve("vm.mig"), stream);
      Path packed = Files.write(directory.resolve("vm.packed"), compressed(compression, stream));
      Path expected = directory.resolve("new.mig");
      Path output = directory.resolve("new.packed");
      try (StreamSnapshot snapshot = StreamSnapshot.open(plain);
          EditPlan plan = setRax(snapshot)) {
        plan.writeTo(expected, Progress.NONE);
      }
      try (StreamSnapshot snapshot = StreamSnapshot.open(packed);
          EditPlan plan = setRax(snapshot)) {
        InjectionReport report = plan.writeTo(output, Progress.NONE);
        assertEquals(Files.size(output), report.fileBytes());
        assertTrue(snapshot.stream().forward(), "nothing was put into a file");
      }
      assertFalse(Files.mismatch(plain, expected) < 0);
      assertSameBytes(
          Files.readAllBytes(expected), decompressed(compression, output), "seed " + seed);
    }
  }

  @ParameterizedTest
  @EnumSource
  void pagesChangeToo(Compression compression) throws IOException {
    for (long seed = 0; seed < 5; seed++) {
      TestMachine machine = TestMachine.random(seed);
      byte[] stream = machine.stream();
      Path packed = Files.write(directory.resolve("vm.packed"), compressed(compression, stream));
      Path vm = directory.resolve("vm" + seed);
      TestMachine.extract(packed, vm);
      Map<String, byte[]> edited =
          MemoryEditTest.edit(machine, vm.resolve(Extraction.CORE), new SplittableRandom(seed));
      Path output = directory.resolve("new.packed");
      InjectionReport report = Edits.inject(vm, output);
      assertEquals(Files.size(output), report.fileBytes());
      assertSameBytes(
          MemoryEditTest.expected(machine, stream, edited),
          decompressed(compression, output),
          "seed " + seed);
      try (var files = Files.list(directory)) {
        assertEquals(0, files.filter(file -> file.toString().contains(".vmstate")).count());
      }
    }
  }

  @Test
  void withoutAnEditTheFileStaysAsItIs() throws IOException {
    byte[] packed = compressed(Compression.BZIP2, TestMachine.random(3).stream());
    Path file = Files.write(directory.resolve("vm.mig.bz2"), packed);
    Path vm = directory.resolve("vm");
    TestMachine.extract(file, vm);
    Path output = directory.resolve("new.mig.bz2");
    InjectionReport report = Edits.inject(vm, output);
    assertTrue(report.isEmpty());
    assertSameBytes(packed, Files.readAllBytes(output), "not even compressed again");
  }

  @Test
  void inPlaceIsRefusedWithTheReason() throws IOException {
    byte[] packed = compressed(Compression.ZSTD, TestMachine.random(3).stream());
    Path file = Files.write(directory.resolve("vm.mig.zst"), packed);
    try (StreamSnapshot snapshot = StreamSnapshot.open(file);
        EditPlan plan = setRax(snapshot)) {
      IOException e = assertThrows(IOException.class, plan::inPlace);
      assertEquals(
          file
              + ": the stream is compressed (zstd), no part of it can be changed where it stands:"
              + " write a new file with -o",
          e.getMessage());
      assertEquals(packed.length, plan.dryRun().fileBytes(), "all is written anew");
    }
    assertSameBytes(packed, Files.readAllBytes(file), "untouched");
  }

  @Test
  void whatComesThroughAPipeIsKeptAndChanged() throws IOException {
    byte[] stream = TestMachine.random(5).stream();
    Path plain = Files.write(directory.resolve("vm.mig"), stream);
    Path expected = directory.resolve("expected.mig");
    try (StreamSnapshot snapshot = StreamSnapshot.open(plain);
        EditPlan plan = setRax(snapshot)) {
      plan.writeTo(expected, Progress.NONE);
    }
    for (boolean packed : new boolean[] {false, true}) {
      byte[] bytes = packed ? compressed(Compression.LZOP, stream) : stream;
      Path output = directory.resolve("new");
      try (StreamSnapshot snapshot = pipe(bytes)) {
        snapshot.scratch(directory);
        assertTrue(snapshot.isPipe());
        snapshot.randomAccess(Progress.NONE);
        try (EditPlan plan = setRax(snapshot)) {
          assertThrows(IOException.class, plan::inPlace);
          plan.writeTo(output, Progress.NONE);
        }
      }
      assertSameBytes(
          Files.readAllBytes(expected),
          packed ? decompressed(Compression.LZOP, output) : Files.readAllBytes(output),
          "packed " + packed);
    }
  }

  @Test
  void aPipeIsExtractedInOnePass() throws IOException {
    byte[] stream = TestMachine.random(7).stream();
    Path plain = Files.write(directory.resolve("vm.mig"), stream);
    TestMachine.extract(plain, directory.resolve("vm"));
    for (boolean packed : new boolean[] {false, true}) {
      byte[] bytes = packed ? compressed(Compression.XZ, stream) : stream;
      Path out = directory.resolve("piped");
      try (StreamSnapshot snapshot = pipe(bytes)) {
        Extraction.run(
            snapshot,
            out,
            new Extraction.Options(CoreFormat.ELF, true, false, null),
            Progress.NONE);
      }
      for (String name : new String[] {Extraction.CORE, Extraction.HARDWARE}) {
        assertEquals(
            -1, Files.mismatch(directory.resolve("vm").resolve(name), out.resolve(name)), name);
      }
      Manifest manifest = Manifest.read(out);
      assertEquals("-", manifest.snapshot());
      assertEquals(bytes.length, manifest.size());
      assertEquals(Manifest.read(directory.resolve("vm")).devices(), manifest.devices());
      assertEquals(Manifest.read(directory.resolve("vm")).pages(), manifest.pages());
    }
  }

  @Test
  void aMachineWithoutX86CpusIsRefusedBeforeThePipeIsEmptied() throws IOException {
    byte[] stream = TestMachine.random(7).stream();
    byte[] other =
        new String(stream, "ISO-8859-1")
            .replace("pc-i440fx-7.2", "virt-arm-10.0")
            .getBytes("ISO-8859-1");
    Path out = directory.resolve("piped");
    try (StreamSnapshot snapshot = pipe(other)) {
      IOException e =
          assertThrows(
              IOException.class,
              () ->
                  Extraction.run(
                      snapshot,
                      out,
                      new Extraction.Options(CoreFormat.ELF, true, false, null),
                      Progress.NONE));
      assertEquals(
          "-: no x86 machine ('virt-arm-10.0'): a core needs one; --core none writes the rest",
          e.getMessage());
    }
    assertFalse(Files.exists(out));
  }

  /** Patches lie anywhere with regard to the pieces the stream is copied in. */
  @Test
  void patchesReachAcrossPieces() throws IOException {
    byte[] stream = new byte[400_000];
    new Random(1).nextBytes(stream);
    stream[0] = 'Q';
    Path file = Files.write(directory.resolve("a.gz"), compressed(Compression.GZIP, stream));
    byte[] expected = stream.clone();
    List<Patch> patches = new ArrayList<>();
    for (int at : new int[] {0, (1 << 17) - 3, 2 * (1 << 17), stream.length - 4}) {
      byte[] with = {1, 2, 3, 4};
      patches.add(Patch.of(at, with));
      System.arraycopy(with, 0, expected, at, 4);
    }
    patches.add(Patch.of((1 << 17) + 5, new byte[200_000]));
    Arrays.fill(expected, (1 << 17) + 5, (1 << 17) + 5 + 200_000, (byte) 0);
    StreamEdits edits =
        new StreamEdits() {
          @Override
          public long appendAt() {
            return 0;
          }

          @Override
          public void tell(StreamTarget target) throws IOException {
            for (Patch patch : patches) {
              target.patch(patch);
            }
          }
        };
    Path output = directory.resolve("b.gz");
    try (var container = Containers.open(SnapshotName.of(file))) {
      PackedCopy.write(container, new byte[0], edits, new EditSize(0, 0, 0), output, Progress.NONE);
    }
    assertSameBytes(expected, decompressed(Compression.GZIP, output), "patched");
  }
}
