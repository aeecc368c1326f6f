package dev.vmstate.inject;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;

import dev.vmstate.bytes.Progress;
import dev.vmstate.container.FileSource;
import dev.vmstate.container.SnapshotName;
import dev.vmstate.elf.CoreFile;
import dev.vmstate.elf.CoreNote;
import dev.vmstate.elf.PhysicalSegments;
import dev.vmstate.exchange.CoreFormat;
import dev.vmstate.exchange.Extraction;
import dev.vmstate.exchange.Manifest;
import dev.vmstate.snapshot.EditableSnapshot;
import dev.vmstate.snapshot.Snapshot;
import dev.vmstate.snapshot.StreamSnapshot;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.Optional;

/** What a person does between extract and inject, and the inject commands. */
final class Edits {
  private Edits() {}

  /** Writes bytes at a guest-physical address of a core, as a debugger would. */
  static void memory(Path core, long physical, byte... bytes) throws IOException {
    int done = 0;
    while (done < bytes.length) {
      PhysicalSegments.Segment segment = segment(core, physical + done);
      int part = (int) Math.min(bytes.length - done, segment.end() - physical - done);
      long at = segment.fileOffset() + physical + done - segment.physical();
      write(core, at, Arrays.copyOfRange(bytes, done, done + part));
      done += part;
    }
  }

  private static PhysicalSegments.Segment segment(Path core, long physical) throws IOException {
    try (FileSource source = new FileSource(core)) {
      return CoreFile.open(source).physicalSegments().stream()
          .filter(s -> s.physical() <= physical && physical < s.end())
          .findFirst()
          .orElseThrow();
    }
  }

  /** Writes a 64-bit value into note {@code index} of an owner. */
  static void note(Path core, String owner, int index, int offset, long value) throws IOException {
    ByteBuffer bytes = ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN).putLong(0, value);
    write(core, noteAt(core, owner, index) + offset, bytes.array());
  }

  static long noteAt(Path core, String owner, int index) throws IOException {
    try (FileSource source = new FileSource(core)) {
      return CoreFile.open(source).notes().stream()
          .filter(note -> note.owner().equals(owner))
          .map(CoreNote::descriptor)
          .toList()
          .get(index)
          .offset();
    }
  }

  static void write(Path file, long at, byte... bytes) throws IOException {
    try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
      assertEquals(bytes.length, channel.write(ByteBuffer.wrap(bytes), at));
    }
  }

  /** Replaces text in a file; it must stand there. */
  static void text(Path file, String from, String to) throws IOException {
    String text = Files.readString(file);
    assertEquals(true, text.contains(from), from + " in " + file);
    Files.writeString(file, text.replace(from, to));
  }

  /** {@code inject DIR -o NEW}. */
  static InjectionReport inject(Path directory, Path output) throws IOException {
    Manifest manifest = Manifest.read(directory);
    try (EditableSnapshot snapshot = open(Path.of(manifest.snapshot()));
        EditPlan plan = plan(snapshot, directory, manifest)) {
      return plan.writeTo(output, Progress.NONE);
    }
  }

  /** {@code inject DIR --in-place}. */
  static InjectionReport inPlace(Path directory, Opener opener) throws IOException {
    Manifest manifest = Manifest.read(directory);
    try (EditableSnapshot snapshot = open(Path.of(manifest.snapshot()));
        EditPlan plan = plan(snapshot, directory, manifest)) {
      return plan.inPlace(opener);
    }
  }

  /** {@code inject SNAPSHOT --core CORE -o NEW}: nothing is known of where the core is from. */
  static InjectionReport core(Path file, Path core, Path output) throws IOException {
    try (EditableSnapshot snapshot = open(file);
        EditPlan plan =
            Injection.plan(
                snapshot, Optional.of(core), Optional.empty(), Optional.empty(), Progress.NONE)) {
      return plan.writeTo(output, Progress.NONE);
    }
  }

  /** A snapshot that edits have a place in, whatever it is. */
  static EditableSnapshot open(Path path) throws IOException {
    return assertInstanceOf(EditableSnapshot.class, Snapshot.open(SnapshotName.of(path)));
  }

  private static EditPlan plan(EditableSnapshot snapshot, Path directory, Manifest manifest)
      throws IOException {
    return Injection.plan(
        snapshot,
        Optional.ofNullable(manifest.core()).map(directory::resolve),
        Optional.ofNullable(manifest.hardware()).map(directory::resolve),
        Optional.of(manifest),
        Progress.NONE);
  }

  /** A block's bytes as the extractor reads them from a file. */
  static byte[] memoryOf(Path file, String block) throws IOException {
    try (StreamSnapshot snapshot = StreamSnapshot.open(file)) {
      for (int i = 0; i < snapshot.blocks().size(); i++) {
        if (snapshot.blocks().get(i).name().equals(block)) {
          byte[] bytes = new byte[(int) snapshot.blocks().get(i).bytes()];
          snapshot.memory().readBlock(i, 0, ByteBuffer.wrap(bytes));
          return bytes;
        }
      }
    }
    throw new IOException("no block " + block);
  }

  static void assertSameBytes(byte[] expected, byte[] actual, String what) {
    int at = Arrays.mismatch(expected, actual);
    assertEquals(-1, at, () -> what + ": first difference at 0x" + Integer.toHexString(at));
  }

  static Extraction.Options coreOnly() {
    return new Extraction.Options(CoreFormat.ELF, false, false, null);
  }
}
