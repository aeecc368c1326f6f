package dev.vmstate.elf;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vmstate.bytes.ByteSource;
import dev.vmstate.bytes.FormatException;
import dev.vmstate.bytes.Span;
import dev.vmstate.bytes.UnsupportedFormatException;
import dev.vmstate.cpu.CpuMode;
import dev.vmstate.cpu.X86Cpu;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Offsets as in target/i386/arch_dump.c, struct QEMUCPUState. */
class X86NotesTest {
  private static final int CS_FLAGS = 152 + 8;
  private static final int IDT_BASE = 152 + 9 * 24 + 16;
  private static final int CR0 = 392;
  private static final int CR3 = 392 + 24;
  private static final int CR4 = 392 + 32;
  private final ByteBuffer bytes = ByteBuffer.allocate(2000).order(ByteOrder.LITTLE_ENDIAN);
  private final List<CoreNote> notes = new ArrayList<>();

  X86NotesTest() {
    note("CORE", 1, 0, 336);
    bytes.putLong(112 + 16 * 8, 0x1234); // rip, which the QEMU note must win over
    note("QEMU", 0, 400, 440);
    qemu(0, 1).putInt(404, 440);
    bytes.putLong(400 + 136, 0xffff_ffff_8100_0000L); // rip
    bytes.putLong(400 + CR0, 0x8005_0033L).putLong(400 + CR4, 0x6b0).putLong(400 + CR3, 0x1000);
    bytes.putLong(400 + 432, 0xffff_8880_0000_0000L);
  }

  private void note(String owner, int type, int at, int length) {
    notes.add(new CoreNote(owner, type, new Span(at, length)));
  }

  private ByteBuffer qemu(int at, int value) {
    return bytes.putInt(400 + at, value);
  }

  private X86Cpu cpu() throws IOException {
    return X86Notes.cpus(ByteSource.of("vm.core", bytes.array()), notes).get(0);
  }

  @Test
  void theNotesOfQemuGiveEveryRegister() throws IOException {
    qemu(CS_FLAGS, 0x00af_9b00);
    X86Cpu cpu = cpu();
    assertEquals(0xffff_ffff_8100_0000L, cpu.get("rip"));
    assertEquals(0x1000, cpu.get("cr3"));
    assertEquals(0xffff_8880_0000_0000L, cpu.get("kernel_gs_base"));
    assertEquals(32, cpu.find("cs.selector").orElseThrow().bits());
    assertTrue(cpu.find("rip").orElseThrow().field().isEmpty());
    assertTrue(cpu.find("efer").isEmpty());
    assertEquals(CpuMode.LONG64, cpu.mode());
  }

  @Test
  void aProgramOfThirtyTwoBitsUnderASixtyFourBitKernelIsInCompatibilityMode() throws IOException {
    bytes.putLong(400 + IDT_BASE, 0xffff_fe00_0000_0000L);
    assertEquals(CpuMode.COMPAT32, cpu().mode());
  }

  @Test
  void aPaeKernelIsNotInLongMode() throws IOException {
    bytes.putLong(400 + IDT_BASE, 0xffc0_0000L);
    assertEquals(CpuMode.PROTECTED32, cpu().mode());
    assertTrue(cpu().paging());
  }

  @Test
  void aCpuThatNeverStartedIsInRealMode() throws IOException {
    bytes.putLong(400 + CR0, 0x6000_0010L);
    assertEquals(CpuMode.REAL16, cpu().mode());
  }

  @Test
  void withoutNotesOfQemuThereAreThoseOfAnyCore() throws IOException {
    notes.remove(1);
    assertEquals(0x1234, cpu().get("rip"));
    assertEquals(CpuMode.UNKNOWN, cpu().mode());
  }

  @Test
  void aNoteOfTheOldLengthIsReadAndAShorterOneIsNot() throws IOException {
    notes.set(1, new CoreNote("QEMU", 0, new Span(400, 432)));
    assertTrue(cpu().find("kernel_gs_base").isEmpty());
    notes.set(1, new CoreNote("QEMU", 0, new Span(400, 431)));
    FormatException e = assertThrows(FormatException.class, this::cpu);
    assertEquals(
        "vm.core: QEMU note of CPU 0: at offset 0x190: 431 bytes, expected 440", e.getMessage());
  }

  @Test
  void anotherVersionAndAnotherMachinesNotesAreRefused() {
    qemu(0, 2);
    assertThrows(UnsupportedFormatException.class, this::cpu);
    notes.remove(1);
    notes.set(0, new CoreNote("CORE", 1, new Span(0, 392))); // of an aarch64
    assertThrows(UnsupportedFormatException.class, this::cpu);
  }

  @Test
  void theNoteOfAnI386IsReadByItsLength() throws IOException {
    notes.remove(1);
    notes.set(0, new CoreNote("CORE", 1, new Span(0, 144)));
    assertTrue(cpu().find("rip").isPresent());
    assertTrue(cpu().find("r8").isEmpty());
  }
}
