package dev.vmstate.inject;

import static dev.vmstate.inject.Edits.assertSameBytes;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vmstate.bytes.FormatException;
import dev.vmstate.cpu.Register;
import dev.vmstate.cpu.X86Cpu;
import dev.vmstate.device.EditConflictException;
import dev.vmstate.exchange.Extraction;
import dev.vmstate.snapshot.StreamSnapshot;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class RegisterEditTest {
  /** Offsets in NT_PRSTATUS: user_regs_struct starts at 112. */
  private static final int PR_PID = 32;

  private static final int PR_RDX = 112 + 8 * 12;
  private static final int PR_ORIG_RAX = 112 + 8 * 15;
  private static final int PR_RIP = 112 + 8 * 16;
  private static final int PR_CS = 112 + 8 * 17;

  /** Offsets in the QEMU note. */
  private static final int Q_RDX = 8 + 8 * 3;

  private static final int Q_RIP = 8 + 8 * 16;
  private static final int Q_GDT_SELECTOR = 152 + 24 * 8;
  private static final int Q_CR3 = 152 + 240 + 8 * 3;

  @TempDir Path directory;
  private Path vm;
  private Path core;
  private Path xml;
  private Path output;
  private byte[] stream;

  @BeforeEach
  void extract() throws IOException {
    vm = directory.resolve("vm");
    core = vm.resolve(Extraction.CORE);
    xml = vm.resolve(Extraction.HARDWARE);
    output = directory.resolve("new.mig");
    TestMachine machine = new TestMachine(1).part(pass -> pass.page(TestMachine.RAM, 0));
    stream = machine.stream();
    TestMachine.extract(machine.write(directory.resolve("vm.mig")), vm);
  }

  private X86Cpu cpu(Path file, int index) throws IOException {
    try (StreamSnapshot snapshot = StreamSnapshot.open(file)) {
      return snapshot.cpus().get(index);
    }
  }

  private String refused() {
    IOException e = assertThrows(IOException.class, () -> Edits.inject(vm, output));
    assertFalse(Files.exists(output));
    assertFalse(e.getMessage().contains("\n"), e.getMessage());
    return e.getMessage();
  }

  /** The old stream with one register's bytes replaced. */
  private byte[] with(int cpu, String register, long value) throws IOException {
    byte[] bytes = stream.clone();
    var found =
        cpu(directory.resolve("vm.mig"), cpu).find(register).flatMap(Register::field).orElseThrow();
    ByteBuffer big = ByteBuffer.allocate(8).putLong(0, value);
    int length = (int) found.span().length();
    System.arraycopy(big.array(), 8 - length, bytes, (int) found.span().offset(), length);
    return bytes;
  }

  @Test
  void aRegisterOfThePrstatusNoteBecomesAnEditOfItsField() throws IOException {
    Edits.note(core, "CORE", 1, PR_RIP, 0xffff_ffff_8100_0000L);
    InjectionReport report = Edits.inject(vm, output);
    assertSameBytes(with(1, "rip", 0xffff_ffff_8100_0000L), Files.readAllBytes(output), "new");
    assertEquals(1, report.fields().size());
    assertEquals("cpu[1]/env.eip", report.fields().get(0).path());
    assertTrue(report.fields().get(0).origin().contains("NT_PRSTATUS note of CPU 1"));
  }

  @Test
  void aRegisterOfTheQemuNoteBecomesAnEditOfItsField() throws IOException {
    Edits.note(core, "QEMU", 0, Q_CR3, 0x1234_5000L);
    Edits.inject(vm, output);
    assertSameBytes(with(0, "cr3", 0x1234_5000L), Files.readAllBytes(output), "new");
  }

  @Test
  void aNarrowRegisterKeepsItsWidthAndRefusesMore() throws IOException {
    Edits.note(core, "CORE", 0, PR_CS, 0x33);
    Edits.inject(vm, output);
    assertSameBytes(with(0, "cs.selector", 0x33), Files.readAllBytes(output), "new");
    Files.delete(output);
    Edits.note(core, "CORE", 0, PR_CS, 0x1_0000_0033L);
    String message = refused();
    assertTrue(message.contains("has 32 bits") && message.contains("CPU 0"), message);
  }

  @Test
  void theSameEditInBothNotesAndInTheDocumentIsOneEdit() throws IOException {
    Edits.note(core, "CORE", 0, PR_RDX, 0x42);
    Edits.note(core, "QEMU", 0, Q_RDX, 0x42);
    Edits.text(
        xml,
        "<register name=\"rdx\" value=\"0x1002\"/>",
        "<register name=\"rdx\" value=\"0x42\"/>");
    InjectionReport report = Edits.inject(vm, output);
    assertSameBytes(with(0, "rdx", 0x42), Files.readAllBytes(output), "new");
    assertEquals(1, report.fields().size());
  }

  @Test
  void bothNotesEditedDifferentlyIsAConflictThatNamesBoth() throws IOException {
    Edits.note(core, "CORE", 0, PR_RIP, 1);
    Edits.note(core, "QEMU", 0, Q_RIP, 2);
    IOException e = assertThrows(IOException.class, () -> Edits.inject(vm, output));
    assertInstanceOf(EditConflictException.class, e);
    String message = e.getMessage();
    assertTrue(message.contains("NT_PRSTATUS note of CPU 0"), message);
    assertTrue(message.contains("QEMU note of CPU 0"), message);
    assertFalse(Files.exists(output));
  }

  @Test
  void documentAndNoteThatContradictAreNamedWithLineAndNote() throws IOException {
    Edits.note(core, "CORE", 0, PR_RIP, 0x4444);
    Edits.text(xml, "value=\"0x1111222233334444\"", "value=\"0x5555\"");
    String message = refused();
    int line = 0;
    for (String text : Files.readAllLines(xml)) {
      line++;
      if (text.contains("\"0x5555\"")) {
        break;
      }
    }
    assertTrue(message.contains("hardware.xml line " + line + " "), message);
    assertTrue(message.contains("NT_PRSTATUS note of CPU 0 (rip)"), message);
  }

  @Test
  void aNoteFieldWithoutARegisterBehindItCannotChange() throws IOException {
    for (int[] field : new int[][] {{0, PR_ORIG_RAX}, {0, PR_PID}, {1, Q_GDT_SELECTOR}, {1, 0}}) {
      String owner = field[0] == 0 ? "CORE" : "QEMU";
      long at = Edits.noteAt(core, owner, 0) + field[1];
      byte[] was = new byte[1];
      try (var channel = java.nio.channels.FileChannel.open(core)) {
        channel.read(ByteBuffer.wrap(was), at);
      }
      Edits.write(core, at, (byte) 9);
      String message = refused();
      assertTrue(message.contains("no register of the snapshot stands behind it"), message);
      Edits.write(core, at, was);
    }
  }

  @Test
  void notesOfAnotherNumberOfCpusAreRefused() throws IOException {
    long at = Edits.noteAt(core, "CORE", 1);
    Edits.write(core, at - 8, (byte) 'X'); // the owner's name
    String message = refused();
    assertTrue(message.contains("1 NT_PRSTATUS notes, but the snapshot has 2 CPUs"), message);
  }

  @Test
  void aNoteOfAnotherLengthIsAFormatErrorWithItsPlace() throws IOException {
    // The last note's length: a byte less than the oldest QEMU wrote.
    long at = Edits.noteAt(core, "QEMU", 1);
    byte[] length = ByteBuffer.allocate(4).order(ByteOrder.LITTLE_ENDIAN).putInt(431).array();
    Edits.write(core, at - 8 - 8, length);
    IOException e = assertThrows(IOException.class, () -> Edits.inject(vm, output));
    assertInstanceOf(FormatException.class, e);
    assertTrue(e.getMessage().contains("has 431 bytes"), e.getMessage());
  }

  @Test
  void anOlderQemusNoteWithoutKernelGsBaseIsAsGood() throws IOException {
    long at = Edits.noteAt(core, "QEMU", 1);
    byte[] length = ByteBuffer.allocate(4).order(ByteOrder.LITTLE_ENDIAN).putInt(432).array();
    Edits.write(core, at - 8 - 8, length);
    Edits.note(core, "QEMU", 1, Q_CR3, 0x9000);
    Edits.inject(vm, output);
    assertSameBytes(with(1, "cr3", 0x9000), Files.readAllBytes(output), "new");
  }
}
