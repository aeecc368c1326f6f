package dev.vmstate.elf;

import dev.vmstate.bytes.ByteSource;
import dev.vmstate.bytes.FormatException;
import dev.vmstate.bytes.UnsupportedFormatException;
import dev.vmstate.cpu.Register;
import dev.vmstate.cpu.X86Cpu;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;

/**
 * The x86 CPUs of a dump, out of its notes: every register QEMU's own notes have, or, in a dump
 * that somebody else made, what NT_PRSTATUS has.
 *
 * <p>No note has EFER. Whether a CPU is in long mode shows all the same: paging and PAE are on, and
 * either the code segment is a 64-bit one, or the CPU keeps a table above 4 GiB, which a CPU in
 * 32-bit mode has no address for. A 64-bit kernel that runs a 32-bit program has its IDT there.
 */
public final class X86Notes {
  private static final long CR0_PG = 1L << 31;
  private static final long CR4_PAE = 1L << 5;
  private static final long CS_L = 1L << 21;

  private static final List<String> TABLES = List.of("cr3", "gdt.base", "idt.base", "tr.base");

  private X86Notes() {}

  /** The CPUs in the order of their notes, numbered from 0; empty when there are no notes. */
  public static List<X86Cpu> cpus(ByteSource source, List<CoreNote> notes) throws IOException {
    List<X86Cpu> cpus = new ArrayList<>();
    for (CoreNote note : notes) {
      if (note.is(QemuCpuState.OWNER, QemuCpuState.TYPE)) {
        cpus.add(ofQemu(cpus.size(), source, note));
      }
    }
    if (cpus.isEmpty()) {
      for (CoreNote note : notes) {
        if (note.is(PrStatus.OWNER, PrStatus.NT_PRSTATUS)) {
          cpus.add(ofPrStatus(cpus.size(), source, note));
        }
      }
    }
    return List.copyOf(cpus);
  }

  private static X86Cpu ofQemu(int index, ByteSource source, CoreNote note) throws IOException {
    String place = source.name() + ": QEMU note of CPU " + index;
    long at = note.descriptor().offset();
    if (note.descriptor().length() < QemuCpuState.OLD_BYTES) {
      throw new FormatException(
          place, at, "%d bytes, expected 440".formatted(note.descriptor().length()));
    }
    ByteBuffer descriptor = source.read(note.descriptor());
    List<Register> registers = new ArrayList<>();
    for (NoteField.Value value : QemuCpuState.decode(descriptor)) {
      if (value.field().name().equals("version") && value.value() != 1) {
        throw new UnsupportedFormatException(
            place, at, "version %d, only 1 is known".formatted(value.value()));
      }
      add(registers, value);
    }
    return new X86Cpu(index, registers, longMode(new X86Cpu(index, registers)));
  }

  private static boolean longMode(X86Cpu cpu) {
    if ((cpu.get("cr0") & CR0_PG) == 0 || (cpu.get("cr4") & CR4_PAE) == 0) {
      return false;
    }
    return (cpu.get("cs.flags") & CS_L) != 0
        || TABLES.stream().anyMatch(name -> cpu.get(name) >>> 32 != 0);
  }

  private static X86Cpu ofPrStatus(int index, ByteSource source, CoreNote note) throws IOException {
    if (!PrStatus.isForm(note.descriptor().length())) {
      throw new UnsupportedFormatException(
          source.name() + ": NT_PRSTATUS note of CPU " + index,
          note.descriptor().offset(),
          "%d bytes, expected 336 (x86-64) or 144 (i386); no other kind is read without notes of QEMU"
              .formatted(note.descriptor().length()));
    }
    List<Register> registers = new ArrayList<>();
    PrStatus.decode(source.read(note.descriptor())).forEach(value -> add(registers, value));
    return new X86Cpu(index, registers);
  }

  private static void add(List<Register> to, NoteField.Value value) {
    value
        .field()
        .register()
        .ifPresent(
            name -> to.add(Register.ofValue(name, value.field().bytes() * 8, value.value())));
  }
}
