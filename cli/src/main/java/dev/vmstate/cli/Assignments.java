package dev.vmstate.cli;

import dev.vmstate.device.EditSet;
import dev.vmstate.device.Field;
import dev.vmstate.device.FieldPath;
import dev.vmstate.device.FieldValue;
import dev.vmstate.hardware.HardwareState;
import dev.vmstate.hardware.ValuePath;
import dev.vmstate.inject.StructureEdits;
import dev.vmstate.structure.ArrayLength;
import dev.vmstate.structure.MachineName;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;

/** Carries {@code PATH=VALUE} over to edits: of bytes where they stand, or of structure. */
final class Assignments {
  /** No field is longer. */
  private static final long LONGEST = 64 << 20;

  private final HardwareState state;
  private final EditSet fields;
  private final Optional<StructureEdits> structure;
  private final Optional<String> countField;

  /** {@code structure}: of a stream; elsewhere nothing gets another length. */
  Assignments(
      HardwareState state,
      EditSet fields,
      Optional<StructureEdits> structure,
      Optional<String> countField) {
    this.state = state;
    this.fields = fields;
    this.structure = structure;
    this.countField = countField;
  }

  void set(String path, String value) throws IOException {
    String origin = "'%s=%s'".formatted(path, value);
    if (path.equals(MachineName.PATH)) {
      MachineName.set(
          structure.orElseThrow(
              () -> new IOException("machine: only QEMU's streams say of which machine they are")),
          value,
          origin);
      return;
    }
    Optional<FieldPath> bytes = bytesAt(path);
    if (bytes.isEmpty() && !value.startsWith("@")) {
      fields.addAll(ValuePath.edits(state, path, value, origin));
      return;
    }
    FieldPath target = bytes.isPresent() ? bytes.get() : FieldPath.find(state.devices(), path);
    byte[] fresh =
        value.startsWith("@") ? file(path, value.substring(1)) : FieldValue.bytes(target, value);
    if (!ArrayLength.differs(target, fresh)) {
      fields.add(FieldValue.edit(target, fresh, origin));
    } else if (structure.isPresent()) {
      ArrayLength.set(structure.get(), target, fresh, countField, origin);
    } else {
      throw new IllegalArgumentException(
          "%s: %d bytes given, it has %d"
              .formatted(target.path(), fresh.length, target.span().length()));
    }
  }

  /** An array or a buffer, whole: what may have another length. */
  private Optional<FieldPath> bytesAt(String path) throws IOException {
    try {
      FieldPath found = FieldPath.find(state.devices(), path);
      boolean whole = found.field() instanceof Field.Array || found.field() instanceof Field.Raw;
      return whole && found.element() < 0 ? Optional.of(found) : Optional.empty();
    } catch (FieldPath.NotFoundException e) {
      return Optional.empty(); // a register, or nothing: then that is said
    }
  }

  private static byte[] file(String path, String name) throws IOException {
    Path file = Path.of(name);
    if (Files.size(file) > LONGEST) {
      throw new IOException(
          "%s: %s has %d bytes, more than any field".formatted(path, file, Files.size(file)));
    }
    return Files.readAllBytes(file);
  }
}
