package dev.vmstate.inject;

import dev.vmstate.bytes.Span;
import dev.vmstate.bytes.UnsupportedFormatException;
import dev.vmstate.cpu.Register;
import dev.vmstate.cpu.X86Cpu;
import dev.vmstate.device.FieldEdit;
import dev.vmstate.elf.CoreFile;
import dev.vmstate.elf.CoreNote;
import dev.vmstate.elf.ElfNote;
import dev.vmstate.elf.NoteField;
import dev.vmstate.elf.PrStatus;
import dev.vmstate.elf.QemuCpuState;
import dev.vmstate.elf.VectorNotes;
import java.io.IOException;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.function.LongPredicate;

/**
 * Finds the registers that were edited in a core's notes: each note is made again from the snapshot
 * and compared value by value.
 */
final class CoreRegisters {
  private static final String PRSTATUS = "NT_PRSTATUS";

  private CoreRegisters() {}

  static List<FieldEdit> edits(CoreFile core, List<X86Cpu> cpus) throws IOException {
    List<FieldEdit> edits = new ArrayList<>();
    compare(
        core,
        core.notes(PrStatus.OWNER, PrStatus.NT_PRSTATUS),
        cpus,
        PRSTATUS,
        PrStatus::isForm,
        CoreRegisters::prStatus,
        PrStatus::decode,
        edits);
    compare(
        core,
        core.notes(QemuCpuState.OWNER, QemuCpuState.TYPE),
        cpus,
        "QEMU",
        bytes -> bytes >= QemuCpuState.OLD_BYTES,
        (cpu, bytes) -> QemuCpuState.encode(cpu),
        QemuCpuState::decode,
        edits);
    vectors(core, PrStatus.OWNER, VectorNotes.NT_PRFPREG, "NT_PRFPREG", cpus, edits);
    vectors(
        core, VectorNotes.XSTATE_OWNER, VectorNotes.NT_X86_XSTATE, "NT_X86_XSTATE", cpus, edits);
    return edits;
  }

  private static void vectors(
      CoreFile core, String owner, int type, String kind, List<X86Cpu> cpus, List<FieldEdit> edits)
      throws IOException {
    List<CoreNote> notes = core.notes(owner, type);
    requireOneEach(core, notes, cpus, kind);
    for (int i = 0; i < notes.size(); i++) {
      X86Cpu cpu = cpus.get(i);
      byte[] was = vectors(cpu, type);
      Span descriptor = notes.get(i).descriptor();
      if (was.length != descriptor.length()) {
        throw new UnsupportedFormatException(
            core.source().name(),
            descriptor.offset(),
            "the %s note of CPU %d has %d bytes, %d were expected"
                .formatted(kind, cpu.index(), descriptor.length(), was.length));
      }
      byte[] now = new byte[was.length];
      core.descriptor(notes.get(i)).get(now);
      String origin = "%s, %s note of CPU %d".formatted(core.source().name(), kind, cpu.index());
      edits.addAll(VectorEdits.of(cpu, was, now, origin));
    }
  }

  private static byte[] vectors(X86Cpu cpu, int type) {
    for (ElfNote note : VectorNotes.encode(cpu)) {
      if (note.type() == type) {
        byte[] bytes = new byte[note.descriptor().remaining()];
        note.descriptor().get(bytes);
        return bytes;
      }
    }
    return new byte[0];
  }

  private static void requireOneEach(
      CoreFile core, List<CoreNote> notes, List<X86Cpu> cpus, String kind) throws IOException {
    if (!notes.isEmpty() && notes.size() != cpus.size()) {
      throw new IOException(
          "%s: %d %s notes, but the snapshot has %d CPUs: is it a core of this machine?"
              .formatted(core.source().name(), notes.size(), kind, cpus.size()));
    }
  }

  private interface Decoder {
    List<NoteField.Value> decode(ByteBuffer descriptor) throws IOException;
  }

  /** Makes a note as long as the one it is compared with. */
  private interface Encoder {
    ElfNote encode(X86Cpu cpu, long bytes);
  }

  private static ElfNote prStatus(X86Cpu cpu, long bytes) {
    return bytes == PrStatus.I386_BYTES ? PrStatus.encodeI386(cpu) : PrStatus.encode(cpu);
  }

  private static void compare(
      CoreFile core,
      List<CoreNote> notes,
      List<X86Cpu> cpus,
      String kind,
      LongPredicate form,
      Encoder encoder,
      Decoder decoder,
      List<FieldEdit> edits)
      throws IOException {
    requireOneEach(core, notes, cpus, kind);
    for (int i = 0; i < notes.size(); i++) {
      X86Cpu cpu = cpus.get(i);
      Span descriptor = notes.get(i).descriptor();
      if (!form.test(descriptor.length())) {
        throw new UnsupportedFormatException(
            core.source().name(),
            descriptor.offset(),
            "the %s note of CPU %d has %d bytes, which no known form has"
                .formatted(kind, cpu.index(), descriptor.length()));
      }
      List<NoteField.Value> now = decoder.decode(core.descriptor(notes.get(i)));
      List<NoteField.Value> was =
          decoder.decode(encoder.encode(cpu, descriptor.length()).descriptor());
      String origin = "%s, %s note of CPU %d".formatted(core.source().name(), kind, cpu.index());
      for (NoteField.Value value : now) {
        long before =
            was.stream()
                .filter(v -> v.field().name().equals(value.field().name()))
                .mapToLong(NoteField.Value::value)
                .findFirst()
                .orElse(value.value());
        if (before != value.value()) {
          edits.addAll(edit(cpu, value, origin));
        }
      }
    }
  }

  private static List<FieldEdit> edit(X86Cpu cpu, NoteField.Value value, String origin)
      throws IOException {
    Register register = value.field().register().flatMap(cpu::find).orElse(null);
    if (register == null || !register.editable()) {
      throw new IOException(
          "%s: '%s' was changed, but no register of the snapshot stands behind it"
              .formatted(origin, value.field().name()));
    }
    if (register.bits() < 64 && value.value() >>> register.bits() != 0) {
      throw new IOException(
          "%s: '%s' is 0x%x, but %s has %d bits"
              .formatted(
                  origin,
                  value.field().name(),
                  value.value(),
                  register.parts().get(0).path(),
                  register.bits()));
    }
    return register.set(
        new BigInteger(Long.toUnsignedString(value.value())),
        origin + " (" + register.name() + ")");
  }
}
