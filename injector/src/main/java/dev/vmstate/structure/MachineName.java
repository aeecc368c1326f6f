package dev.vmstate.structure;

import dev.vmstate.bytes.Span;
import dev.vmstate.bytes.Splice;
import dev.vmstate.device.VmdescText;
import dev.vmstate.inject.InjectionReport;
import dev.vmstate.inject.SaveImageEdit;
import dev.vmstate.inject.StructureEdits;
import dev.vmstate.stream.Configuration;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.Optional;

/**
 * Another machine type in the configuration record: QEMU compares it with its own and loads nothing
 * when they differ ({@code migration/savevm.c}, configuration_post_load). Capabilities and
 * everything else of the record stay.
 */
public final class MachineName {
  /** How {@code set} calls it. */
  public static final String PATH = "machine";

  private MachineName() {}

  /**
   * Changes the name.
   *
   * @throws IOException when the stream says no machine type
   */
  public static void set(StructureEdits edits, String name, String origin) throws IOException {
    byte[] text = Names.plain("machine type", name);
    if (!name.matches("[A-Za-z0-9._+-]+")) {
      throw new IllegalArgumentException("'%s' is no machine type's name".formatted(name));
    }
    Configuration record =
        edits
            .snapshot()
            .header()
            .configuration()
            .orElseThrow(
                () ->
                    new IOException(
                        "%s: says no machine type (those up to 2.3 write no configuration), so any QEMU takes it"
                            .formatted(edits.snapshot().source())));
    if (record.machine().equals(name)) {
      return;
    }
    Span where = new Span(record.span().offset() + 1, Integer.BYTES + record.machine().length());
    ByteBuffer bytes = ByteBuffer.allocate(Integer.BYTES + text.length);
    edits.splice(new Splice(where, bytes.putInt(text.length).put(text).flip()));
    Optional<VmdescText> vmdesc = edits.vmdesc();
    if (vmdesc.isPresent()) {
      vmdesc.get().machineName(text.length);
    }
    edits.report(
        new InjectionReport.Structural(
            PATH,
            "%s -> %s".formatted(record.machine(), name),
            where.offset(),
            where.length(),
            bytes.capacity(),
            origin,
            List.of()));
  }

  /**
   * The same in a libvirt save image's domain XML, by which libvirt starts QEMU; where that says
   * another machine already, it stays.
   *
   * @param front what is to change before the stream anyway
   */
  public static Optional<SaveImageEdit> inDomainXml(
      StructureEdits edits, Optional<SaveImageEdit> front) {
    if (front.isPresent() || edits.isEmpty()) {
      return front;
    }
    Optional<SaveImageEdit> saved = SaveImageEdit.of(edits.snapshot().holder());
    for (InjectionReport.Structural change : edits.changes()) {
      if (saved.isPresent() && change.path().equals(PATH)) {
        String name = change.what().substring(change.what().indexOf("-> ") + 3);
        saved.get().machine(edits.snapshot().machine(), name, change.origin());
      }
    }
    return saved;
  }
}
