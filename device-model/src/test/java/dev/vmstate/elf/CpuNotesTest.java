package dev.vmstate.elf;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.vmstate.bytes.Span;
import dev.vmstate.cpu.Register;
import dev.vmstate.cpu.X86Cpu;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

class CpuNotesTest {
  private final X86Cpu cpu;
  private final byte[] notesOfQemu;

  CpuNotesTest() throws IOException {
    String[] parts;
    try (var in = CpuNotesTest.class.getResourceAsStream("qemu-7.2-cpu.txt")) {
      String text = new String(in.readAllBytes(), StandardCharsets.US_ASCII);
      parts = text.replaceAll("(?m)^#.*$", "").trim().split("\n\n");
    }
    cpu = cpu(0, parts[0]);
    notesOfQemu = HexFormat.of().parseHex(parts[1].replaceAll("\\s", ""));
  }

  /** {@code registers}: words of {@code name=hex}. */
  private static X86Cpu cpu(int index, String registers) {
    List<Register> list = new ArrayList<>();
    for (String word : registers.trim().split("\\s+")) {
      String[] parts = word.split("=");
      long value = Long.parseUnsignedLong(parts[1], 16);
      list.add(Register.ofField(parts[0], new Span(0, 8), value, "cpu/" + parts[0]));
    }
    return new X86Cpu(index, list);
  }

  @Test
  void bothNotesAreByteForByteThoseOfQemu() {
    ByteBuffer bytes = ByteBuffer.allocate(notesOfQemu.length).order(ByteOrder.LITTLE_ENDIAN);
    PrStatus.encode(cpu).encode(bytes);
    QemuCpuState.encode(cpu).encode(bytes);
    assertEquals(HexFormat.of().formatHex(notesOfQemu), HexFormat.of().formatHex(bytes.array()));
  }

  @Test
  void theThreadIsNumberedFromOne() {
    ByteBuffer note = PrStatus.encode(cpu(7, "rip=1")).descriptor();
    assertEquals(8, PrStatus.decode(note).get(0).value());
  }

  @Test
  void decodingGivesEveryRegisterUnderItsNameAgain() {
    Map<String, Long> decoded = new TreeMap<>();
    for (NoteField.Value value : PrStatus.decode(PrStatus.encode(cpu).descriptor())) {
      value.field().register().ifPresent(name -> decoded.put(name, value.value()));
    }
    for (NoteField.Value value : QemuCpuState.decode(QemuCpuState.encode(cpu).descriptor())) {
      value.field().register().ifPresent(name -> decoded.put(name, value.value()));
    }
    Map<String, Long> expected = new TreeMap<>();
    cpu.registers().forEach(register -> expected.put(register.name(), register.value()));
    expected.remove("efer"); // in neither note
    assertEquals(expected, decoded);
  }

  @Test
  void aChangedByteIsFoundAtItsFieldsPosition() {
    ByteBuffer edited = ByteBuffer.allocate(PrStatus.BYTES).put(PrStatus.encode(cpu).descriptor());
    edited.flip();
    List<NoteField.Value> before = PrStatus.decode(edited);
    edited.put(112 + 16 * 8, (byte) 0x42);
    List<NoteField.Value> after = PrStatus.decode(edited);
    for (int i = 0; i < before.size(); i++) {
      boolean isRip = before.get(i).field().register().equals(java.util.Optional.of("rip"));
      assertEquals(isRip, !before.get(i).equals(after.get(i)), before.get(i).toString());
      assertEquals(!isRip || before.get(i).field().offset() == 112 + 16 * 8, true);
    }
  }

  @Test
  void aQemuNoteWithoutKernelGsBaseIsReadWithoutIt() {
    ByteBuffer old = QemuCpuState.encode(cpu).descriptor().limit(QemuCpuState.OLD_BYTES);
    List<NoteField.Value> values = QemuCpuState.decode(old);
    assertEquals("cr[4]", values.get(values.size() - 1).field().name());
    assertEquals(0x6b0, values.get(values.size() - 1).value());
  }

  @Test
  void notesOfAnotherSizeAreRefused() {
    ByteBuffer tooShort = ByteBuffer.allocate(143);
    assertThrows(IllegalArgumentException.class, () -> PrStatus.decode(tooShort));
    assertThrows(IllegalArgumentException.class, () -> QemuCpuState.decode(tooShort));
  }

  @Test
  void theNoteForI386HasTheLowerHalvesWhereThatStructureHasThem() {
    X86Cpu some = cpu(2, "rbx=1122334455667788 rax=7 rip=c1000000 rflags=246 ss.selector=68");
    ByteBuffer note = PrStatus.encodeI386(some).descriptor().order(ByteOrder.LITTLE_ENDIAN);
    assertEquals(144, note.remaining());
    assertEquals(3, note.getInt(24));
    assertEquals(0x55667788, note.getInt(72));
    assertEquals(7, note.getInt(72 + 6 * 4));
    assertEquals(0xc1000000, note.getInt(72 + 12 * 4));
    assertEquals(0x246, note.getInt(72 + 14 * 4));
    assertEquals(0x68, note.getInt(72 + 16 * 4));
    assertEquals(0xc100_0000L, PrStatus.decode(note).get(13).value());
  }

  @Test
  void aThirtyTwoBitTargetHasZeroesForTheRegistersItLacks() {
    X86Cpu small = cpu(0, "rax=1 rip=fff0 rflags=2 cs.selector=f000 cr0=10");
    for (NoteField.Value value : PrStatus.decode(PrStatus.encode(small).descriptor())) {
      if (value.field().name().equals("r15")) {
        assertEquals(0, value.value());
      } else if (value.field().name().equals("rip")) {
        assertEquals(0xfff0, value.value());
      }
    }
  }
}
