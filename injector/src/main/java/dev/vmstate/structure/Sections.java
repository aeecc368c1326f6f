package dev.vmstate.structure;

import dev.vmstate.bytes.Span;
import dev.vmstate.bytes.Splice;
import dev.vmstate.device.DeviceSection;
import dev.vmstate.device.FieldPath;
import dev.vmstate.device.VmdescText;
import dev.vmstate.inject.InjectionReport;
import dev.vmstate.inject.StructureEdits;
import dev.vmstate.snapshot.StreamLayout;
import java.io.IOException;
import java.util.List;
import java.util.Optional;

/**
 * Whole device sections: one goes, or gets another name. The ids of the others stay; QEMU asks only
 * that each footer has its header's ({@code migration/savevm.c}, check_section_footer).
 */
public final class Sections {
  private static final int IDSTR_AT = 1 + Integer.BYTES;

  private Sections() {}

  /**
   * Takes a section out, header, footer and description.
   *
   * @param label its name, with the instance in brackets where that is not 0
   */
  public static void drop(StructureEdits edits, String label, String origin) throws IOException {
    DeviceSection section = find(edits, label);
    edits.splice(Splice.cut(section.record()));
    edits.described(section).ifPresent(VmdescText.Device::drop);
    edits.report(
        new InjectionReport.Structural(
            section.label(),
            "section dropped",
            section.record().offset(),
            section.record().length(),
            0,
            origin,
            List.of("a QEMU that has the device loads the stream and leaves it as after a reset")));
  }

  /** Gives a section another name, in its header and its description; the instance stays. */
  public static void rename(StructureEdits edits, String label, String name, String origin)
      throws IOException {
    byte[] counted = Names.counted("section", name);
    DeviceSection section = find(edits, label);
    if (section.name().equals(name)) {
      return;
    }
    boolean live = edits.snapshot().layout().opaque().stream().anyMatch(o -> o.what().equals(name));
    if (live
        || name.equals("ram")
        || edits.snapshot().devices().stream()
            .anyMatch(d -> d.name().equals(name) && d.instance() == section.instance())) {
      throw new IOException(
          "%s: has a section '%s' already".formatted(edits.snapshot().source(), name));
    }
    Span where = new Span(section.record().offset() + IDSTR_AT, 1L + section.name().length());
    edits.splice(Splice.of(where, counted));
    Optional<VmdescText.Device> described = edits.described(section);
    if (described.isPresent()) {
      described.get().rename(name);
    }
    edits.report(
        new InjectionReport.Structural(
            section.label(),
            "section renamed to " + name,
            where.offset(),
            where.length(),
            counted.length,
            origin,
            List.of()));
  }

  private static DeviceSection find(StructureEdits edits, String label) throws IOException {
    if (label.equals("ram") || label.equals("ram[0]")) {
      throw new IOException(
          "%s: ram is the guest's memory, no QEMU loads a stream without it"
              .formatted(edits.snapshot().source()));
    }
    for (StreamLayout.Opaque other : edits.snapshot().layout().opaque()) {
      if (other.what().equals(label)) {
        throw new IOException(
            "%s: '%s' is a live section, which comes in parts: only device sections can be changed so"
                .formatted(edits.snapshot().source(), label));
      }
    }
    FieldPath found = FieldPath.find(edits.snapshot().devices(), label);
    if (found.field() != found.device().root()) {
      throw new FieldPath.NotFoundException(
          "'%s' is a field of %s, no section".formatted(label, found.device().label()));
    }
    return found.device();
  }
}
