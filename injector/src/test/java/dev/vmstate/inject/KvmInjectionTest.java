package dev.vmstate.inject;

import static dev.vmstate.inject.Edits.assertSameBytes;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vmstate.bytes.Progress;
import dev.vmstate.container.FileSource;
import dev.vmstate.device.EditSet;
import dev.vmstate.device.FieldPath;
import dev.vmstate.device.FieldValue;
import dev.vmstate.elf.CoreFile;
import dev.vmstate.elf.PrStatus;
import dev.vmstate.exchange.Extraction;
import dev.vmstate.hardware.ValuePath;
import dev.vmstate.snapshot.EditableSnapshot;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** A snapshot directory out and back, and changed where it stands. */
class KvmInjectionTest {
  /** In NT_PRSTATUS: user_regs_struct starts at 112. */
  private static final int PR_RIP = 112 + 8 * 16;

  private static final int PR_RBX = 112 + 8 * 5;

  @TempDir Path directory;
  private Path snapshot;
  private Path vm;
  private Path output;
  private KvmMachine machine;

  @BeforeEach
  void machine() throws IOException {
    machine(1);
  }

  private void machine(long seed) throws IOException {
    Path here = Files.createDirectory(directory.resolve("of" + seed));
    machine = new KvmMachine(seed);
    snapshot = machine.write(here.resolve("snap"));
    vm = KvmMachine.extract(snapshot, here.resolve("vm"));
    output = here.resolve("new");
  }

  private void assertOutput(String what) throws IOException {
    assertSameBytes(machine.bytes(), KvmMachine.bytes(output), what);
  }

  private static long prStatusAt(Path core, int cpu) throws IOException {
    try (FileSource source = new FileSource(core)) {
      return CoreFile.open(source)
          .notes(PrStatus.OWNER, PrStatus.NT_PRSTATUS)
          .get(cpu)
          .descriptor()
          .offset();
    }
  }

  /** Writes a register into the core's note of a CPU, as a debugger does. */
  private void prStatus(int cpu, int offset, long value) throws IOException {
    Path core = vm.resolve(Extraction.CORE);
    ByteBuffer bytes = ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN).putLong(0, value);
    Edits.write(core, prStatusAt(core, cpu) + offset, bytes.array());
  }

  static LongStream seeds() {
    return TestMachine.seeds(25);
  }

  @Test
  void withoutEditsTheDirectoryIsTheSame() throws IOException {
    InjectionReport report = Edits.inject(vm, output);
    assertTrue(report.isEmpty());
    assertEquals(0, report.fileBytes());
    assertOutput("a copy");
    assertTrue(Edits.inPlace(vm, Opener.PLAIN).isEmpty());
    assertSameBytes(machine.bytes(), KvmMachine.bytes(snapshot), "in place");
    assertFalse(Files.exists(UndoJournal.beside(snapshot)));
  }

  /** An edit as a person makes it, and what it should come to. */
  private void edit(SplittableRandom random, EditSet fields, EditableSnapshot opened)
      throws IOException {
    int cpu = random.nextInt(2);
    long value = random.nextLong();
    switch (random.nextInt(6)) {
      case 0 -> {
        prStatus(cpu, PR_RIP, value);
        machine.number("rip", cpu, value);
      }
      case 1 -> set(fields, opened, "vcpu[%d]/regs/rsi".formatted(cpu), value, "rsi", cpu);
      case 2 -> set(fields, opened, "cpu[%d]/cr2".formatted(cpu), value, "cr2", cpu);
      case 3 -> set(fields, opened, "clock/clock", value, "clock", 0);
      case 4 -> {
        set(fields, opened, "serial/scr", value & 0xff, "scr", 0);
      }
      default -> {
        boolean high = random.nextBoolean();
        int pages = high ? KvmMachine.HIGH_PAGES : KvmMachine.LOW_PAGES;
        byte[] bytes = new byte[1 + random.nextInt(5000)];
        random.nextBytes(bytes);
        long at =
            (high ? KvmMachine.HIGH : 0) + random.nextInt(pages * KvmMachine.PAGE - bytes.length);
        Edits.memory(vm.resolve(Extraction.CORE), at, bytes);
        machine.ram(at, bytes);
      }
    }
  }

  private void set(
      EditSet fields, EditableSnapshot opened, String path, long value, String member, int n)
      throws IOException {
    String text = Long.toUnsignedString(value);
    var edits = ValuePath.edits(opened.hardware(), path, text, "the test");
    if (edits.stream().noneMatch(edit -> fields.touches(edit.where()))) {
      fields.addAll(edits);
      machine.digits(
          member, n, member.equals("scr") ? "%02x".formatted(value) : "%016x".formatted(value));
    }
  }

  @ParameterizedTest(name = "-Dvmstate.seed={0}")
  @MethodSource("seeds")
  void editsChangeTheirDigitsAndBytesAndNothingElse(long seed) throws IOException {
    machine(seed + 100);
    byte[] before = machine.bytes();
    try (EditableSnapshot opened = Edits.open(snapshot)) {
      EditSet fields = new EditSet();
      for (int edits = 1 + machine.random.nextInt(8); edits > 0; edits--) {
        edit(machine.random, fields, opened);
      }
      // What 'set' changes first, what stands in the core after it.
      Path between = output.resolveSibling("between");
      try (EditPlan plan = EditPlan.of(opened, fields)) {
        plan.writeTo(between, Progress.NONE);
      }
      try (EditPlan plan = EditPlan.of(opened, fields)) {
        assertEquals(plan.dryRun(), plan.inPlace());
      }
      assertSameBytes(KvmMachine.bytes(between), KvmMachine.bytes(snapshot), "new and in place");
    }
    byte[] changed = KvmMachine.bytes(snapshot);
    InjectionReport report = Edits.core(snapshot, core(changed), output);
    assertOutput("-o");
    assertEquals(0, report.appendedPages());
    byte[] set = KvmMachine.bytes(snapshot);
    if (Files.exists(UndoJournal.beside(snapshot))) {
      InPlace.undo(snapshot);
    } else {
      assertSameBytes(before, set, "nothing was set");
    }
    assertSameBytes(before, KvmMachine.bytes(snapshot), "taken back");
  }

  /**
   * The edited core goes into a snapshot in which fields have changed: only its notes' edits are to
   * be taken, so registers that differ for the other reason are put right in it.
   */
  private Path core(byte[] changed) throws IOException {
    assertTrue(changed.length > 0);
    Path core = vm.resolve(Extraction.CORE);
    Path fresh = KvmMachine.extract(snapshot, output.resolveSibling("fresh"));
    byte[] bytes = Files.readAllBytes(fresh.resolve(Extraction.CORE));
    byte[] edited = Files.readAllBytes(core);
    for (int cpu = 0; cpu < 2; cpu++) {
      int rip = (int) prStatusAt(core, cpu) + PR_RIP;
      System.arraycopy(edited, rip, bytes, rip, 8);
    }
    int ram = 4096 * (bytes.length / 4096 - KvmMachine.LOW_PAGES - KvmMachine.HIGH_PAGES);
    System.arraycopy(edited, ram, bytes, ram, bytes.length - ram);
    return Files.write(output.resolveSibling("edited.elf"), bytes);
  }

  @Test
  void aRegisterOfTheDocumentAndANoteAndAByteOfTheCoreChangeThose() throws IOException {
    long was = register("vcpu[1]/regs/rbx");
    Edits.text(
        vm.resolve(Extraction.HARDWARE),
        "<register name=\"rbx\" value=\"0x%x\"".formatted(was),
        "<register name=\"rbx\" value=\"0x1234567890abcdef\"");
    prStatus(0, PR_RIP, 0x7c00);
    Edits.memory(vm.resolve(Extraction.CORE), KvmMachine.HIGH - 1 + 4096, new byte[] {1, 2, 3});
    machine.number("rbx", 1, 0x1234567890abcdefL).number("rip", 0, 0x7c00);
    machine.ram(KvmMachine.HIGH + 4095, (byte) 1, (byte) 2, (byte) 3);
    InjectionReport report = Edits.inject(vm, output);
    assertOutput("new");
    assertEquals(
        List.of("cpu[1]/rbx", "vcpu/regs/rip"),
        report.fields().stream().map(edit -> edit.path()).toList());
    assertEquals(2, report.pages());
    assertEquals(3, report.memoryBytes());
    assertSameBytes(new KvmMachine(1).bytes(), KvmMachine.bytes(snapshot), "the old one");
    assertTrue(
        Files.getPosixFilePermissions(output).equals(Files.getPosixFilePermissions(snapshot)));
  }

  private long register(String path) throws IOException {
    try (EditableSnapshot opened = Edits.open(snapshot)) {
      return Long.parseUnsignedLong(FieldValue.text(FieldPath.find(opened.devices(), path)));
    }
  }

  @Test
  void theNewOneIsForThoseWhoCouldReadTheOldOne() throws IOException {
    for (String name : KvmMachine.FILES) {
      Files.setPosixFilePermissions(
          snapshot.resolve(name), PosixFilePermissions.fromString("r--r-----"));
    }
    Files.setPosixFilePermissions(snapshot, PosixFilePermissions.fromString("rwxr-x---"));
    Edits.inject(vm, output);
    assertEquals("rwxr-x---", PosixFilePermissions.toString(Files.getPosixFilePermissions(output)));
    for (String name : KvmMachine.FILES) {
      assertEquals(
          "r--r-----",
          PosixFilePermissions.toString(Files.getPosixFilePermissions(output.resolve(name))));
    }
  }

  @Test
  void holesStayHoles() throws IOException, InterruptedException {
    Edits.memory(vm.resolve(Extraction.CORE), 0, new byte[] {1});
    Edits.inject(vm, output);
    long blocks = blocks(snapshot.resolve("memory-ranges"));
    long now = blocks(output.resolve("memory-ranges"));
    assertTrue(now <= blocks + 8, now + " blocks, they were " + blocks);
  }

  private static long blocks(Path file) throws IOException, InterruptedException {
    Process stat = new ProcessBuilder("stat", "-c", "%b", file.toString()).start();
    String text =
        new String(
            stat.getInputStream().readAllBytes(), java.nio.charset.StandardCharsets.US_ASCII);
    assertEquals(0, stat.waitFor());
    return Long.parseLong(text.strip());
  }

  private String refused(Path to) throws IOException {
    List<Path> before = list(directory);
    byte[] was = KvmMachine.bytes(snapshot);
    IOException e = assertThrows(IOException.class, () -> Edits.inject(vm, to));
    assertSameBytes(was, KvmMachine.bytes(snapshot), "the snapshot");
    assertEquals(before, list(directory));
    assertFalse(e.getMessage().contains("\n"), e.getMessage());
    return e.getMessage();
  }

  private static List<Path> list(Path directory) throws IOException {
    try (Stream<Path> files = Files.walk(directory)) {
      return files.sorted().toList();
    }
  }

  @Test
  void nothingThatExistsIsWrittenOver() throws IOException {
    assertTrue(refused(snapshot).contains("is the snapshot itself"));
    assertTrue(refused(snapshot.resolve("new")).contains("is inside the snapshot"));
    assertTrue(refused(vm).contains("something of that name"));
    assertTrue(refused(vm.resolve(Extraction.CORE)).contains("holds the edits"));
    Path link = Files.createSymbolicLink(directory.resolve("link"), directory.resolve("nowhere"));
    assertTrue(refused(link).contains("something of that name"));
    assertTrue(refused(directory.resolve("no/new")).contains("does not exist"));
  }

  @Test
  void anotherSnapshotThanTheOneThatWasExtractedIsRefused() throws IOException {
    Path state = snapshot.resolve("state.json");
    String text = Files.readString(state);
    Files.writeString(state, text.replaceFirst("\"rip\": \"0x0", "\"rip\": \"0x1"));
    assertTrue(refused(output).contains("its device state is another one"));
    Files.writeString(state, text);
    Edits.write(snapshot.resolve("memory-ranges"), 0, (byte) 1, (byte) 2, (byte) 3);
    assertTrue(refused(output).contains("its memory is another one"));
    Files.writeString(state, text + "\n");
    assertTrue(refused(output).contains("bytes long"));
  }

  @Test
  void aDocumentThatIsNoLongerOneIsRefused() throws IOException {
    Path xml = vm.resolve(Extraction.HARDWARE);
    String text = Files.readString(xml);
    SplittableRandom random = new SplittableRandom(5);
    int taken = 0;
    for (int i = 0; i < 40; i++) {
      int at = random.nextInt(text.length());
      Files.writeString(
          xml,
          text.substring(0, at)
              + text.substring(at + 1 + random.nextInt(30) % (text.length() - at)));
      try {
        Edits.inject(vm, output.resolveSibling("try" + i));
        taken++; // white space, or a digit: still a document
      } catch (IOException e) {
        assertFalse(Files.exists(output.resolveSibling("try" + i)), e.getMessage());
      }
    }
    assertTrue(taken < 20, taken + " were taken");
    assertSameBytes(machine.bytes(), KvmMachine.bytes(snapshot), "the snapshot");
  }

  /** The deterministic half of the proof; {@link KilledInPlaceTest} is the other one. */
  @Test
  void stoppedAtAnyChangeTheDirectoryIsOldOrNewOrCanBeTakenBack() throws IOException {
    byte[] before = machine.bytes();
    prStatus(1, PR_RBX, 0x1122_3344_5566_7788L);
    machine.number("rbx", 1, 0x1122_3344_5566_7788L);
    for (long page : new long[] {0, 3, 4, 20, 47}) {
      Edits.memory(vm.resolve(Extraction.CORE), page * 4096 + 7, new byte[] {9, 8, 7});
      machine.ram(page * 4096 + 7, (byte) 9, (byte) 8, (byte) 7);
    }
    int n = 0;
    int pending = 0;
    while (true) {
      String what = "change " + n;
      try {
        Edits.inPlace(vm, new FaultyChannel.Fuse(n++, true).opener());
        break;
      } catch (IOException e) {
        assertTrue(e.getMessage().contains("vmstate undo " + snapshot), e.getMessage());
        UndoJournal journal = UndoJournal.of(snapshot, Opener.PLAIN).orElseThrow();
        if (journal.state() == UndoJournal.State.PENDING) {
          pending++;
          assertThrows(IOException.class, () -> InPlace.requireSettled(snapshot), what);
        } else {
          assertSameBytes(machine.bytes(), KvmMachine.bytes(snapshot), what);
        }
        InPlace.undo(snapshot);
        assertSameBytes(before, KvmMachine.bytes(snapshot), what);
        InPlace.requireSettled(snapshot);
      }
    }
    assertTrue(pending > 6, pending + " times half changed");
    assertSameBytes(machine.bytes(), KvmMachine.bytes(snapshot), "carried out");
    assertEquals(snapshot.resolveSibling("snap.vmstate-undo"), UndoJournal.beside(snapshot));
    InPlace.undo(snapshot);
    assertSameBytes(before, KvmMachine.bytes(snapshot), "taken back");
    IOException e = assertThrows(IOException.class, () -> InPlace.undo(snapshot));
    assertTrue(e.getMessage().contains("nothing to undo"), e.getMessage());
  }

  @Test
  void whatSomebodyElseWroteInAnyOfTheFilesIsNotUndone() throws IOException {
    prStatus(1, PR_RBX, 5);
    Edits.inPlace(vm, Opener.PLAIN);
    for (String name : KvmMachine.FILES) {
      byte[] bytes = Files.readAllBytes(snapshot.resolve(name));
      byte[] other = java.util.Arrays.copyOf(bytes, bytes.length + 1);
      Files.write(snapshot.resolve(name), other);
      IOException e = assertThrows(IOException.class, () -> InPlace.undo(snapshot));
      assertTrue(e.getMessage().contains("was changed by something else"), e.getMessage());
      Files.write(snapshot.resolve(name), bytes);
    }
    InPlace.undo(snapshot);
    assertSameBytes(machine.bytes(), KvmMachine.bytes(snapshot), "taken back");
  }

  @Test
  void aDirectoryThatIsNoSnapshotHasNothingToUndo() {
    IOException e = assertThrows(IOException.class, () -> InPlace.undo(vm));
    assertTrue(e.getMessage().contains("state.json"), e.getMessage());
  }
}
