package dev.vmstate.layout;

import dev.vmstate.bytes.ByteSource;
import dev.vmstate.bytes.Span;
import dev.vmstate.device.DeviceSection;
import dev.vmstate.device.Field;
import dev.vmstate.device.FieldEdit;
import dev.vmstate.device.SectionDecoder;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.zip.GZIPInputStream;

/**
 * Fields that real QEMUs saved, as lines of text: idstr, field, vmdesc's type, bytes.
 *
 * <p>{@code virtio-*.txt.gz}: machines q35, pc and microvm (with {@code virtio-mmio.force-legacy}
 * on and off) of QEMU 7.2, 10.0 and 11.1, TCG, four seconds into the firmware, with every virtio
 * device that migrates: cards on the root bus, behind a root port, with {@code disable-modern=on},
 * {@code vectors=0}, {@code packed=on}; and the cards and disks of Linux guests (5.2 too) that were
 * in use.
 */
public record SavedFields(String idstr, String name, String type, FieldEdit.Bytes bytes) {
  static final List<String> VERSIONS = List.of("5.2", "7.2", "10.0", "11.1");

  /** All fields of one version. */
  public static List<SavedFields> of(String version) throws IOException {
    List<SavedFields> all = new ArrayList<>();
    var in = SavedFields.class.getResourceAsStream("virtio-" + version + ".txt.gz");
    try (BufferedReader lines =
        new BufferedReader(
            new InputStreamReader(new GZIPInputStream(in), StandardCharsets.US_ASCII))) {
      for (String line = lines.readLine(); line != null; line = lines.readLine()) {
        if (!line.startsWith("#")) {
          String[] parts = line.split("\t");
          FieldEdit.Bytes bytes = new FieldEdit.Bytes(HexFormat.of().parseHex(parts[3]));
          all.add(new SavedFields(parts[0], parts[1], parts[2], bytes));
        }
      }
    }
    return all;
  }

  /** The field alone as a section, with what the built-in layouts make of it. */
  public DeviceSection section() throws IOException {
    return section(bytes.array(), new SectionDecoder.Budget());
  }

  DeviceSection section(byte[] changed, SectionDecoder.Budget budget) throws IOException {
    ByteSource source = ByteSource.of(idstr, changed);
    Span span = new Span(0, changed.length);
    Field.Group described =
        new Field.Group(
            idstr,
            -1,
            Field.GroupKind.SECTION,
            "v",
            1,
            span,
            span,
            List.of(new Field.Raw(name, -1, type, span)));
    Field.Group root = Layouts.builtIn().refine(source, idstr, described, budget);
    return new DeviceSection(
        idstr, 0, 1, span, span, DeviceSection.Decoded.VMDESC, "", root, source);
  }
}
