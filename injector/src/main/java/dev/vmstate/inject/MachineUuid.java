package dev.vmstate.inject;

import dev.vmstate.bytes.Span;
import dev.vmstate.device.FieldEdit;
import dev.vmstate.libvirt.DomainXml;
import dev.vmstate.snapshot.StreamSnapshot;
import dev.vmstate.stream.Configuration;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Locale;
import java.util.Optional;
import java.util.UUID;

/**
 * Where a machine's UUID stands beside guest memory: in the stream's configuration, when QEMU was
 * told to compare it (capability validate-uuid), and in a libvirt save image's domain XML.
 */
final class MachineUuid {
  private static final String SUBSECTION = "configuration/uuid";
  private static final int BYTES = 16;

  private MachineUuid() {}

  /** The UUID in the configuration, as it is or as it becomes. */
  static Optional<FieldEdit> configuration(StreamSnapshot snapshot, UUID uuid, String origin)
      throws IOException {
    Optional<Configuration> configuration = snapshot.header().configuration();
    if (configuration.isEmpty() || configuration.get().uuid().isEmpty()) {
      return Optional.empty();
    }
    Span record = configuration.get().span();
    byte[] bytes = snapshot.stream().bytes(record);
    // 0x05, length and name, u32 version: what is before the 16 bytes stands nowhere else in it.
    String text = new String(bytes, StandardCharsets.ISO_8859_1);
    int at = text.lastIndexOf((char) SUBSECTION.length() + SUBSECTION);
    int value = at + 1 + SUBSECTION.length() + 4;
    if (at < 0 || value + BYTES > bytes.length) {
      return Optional.empty();
    }
    Span where = record.at(value, BYTES);
    byte[] after =
        ByteBuffer.allocate(BYTES)
            .putLong(uuid.getMostSignificantBits())
            .putLong(uuid.getLeastSignificantBits())
            .array();
    return Optional.of(
        FieldEdit.of(SUBSECTION, where, snapshot.stream().bytes(where), after, origin)
            .withNote(
                "load it with -uuid %s: QEMU compares the two with capability validate-uuid"
                    .formatted(uuid)));
  }

  /** Changes every mention of the old UUID in the domain XML; tells how many there are. */
  static int inDomainXml(SaveImageEdit edit, UUID uuid, String origin) throws IOException {
    byte[] xml = edit.image().domainXml();
    DomainXml domain = edit.image().domain();
    if (domain.uuid().isEmpty()) {
      return 0;
    }
    String old = domain.uuid().get();
    String text = new String(xml, StandardCharsets.ISO_8859_1);
    String lower = text.toLowerCase(Locale.ROOT);
    StringBuilder changed = new StringBuilder(text);
    int count = 0;
    for (int at = lower.indexOf(old.toLowerCase(Locale.ROOT)); at >= 0; ) {
      changed.replace(at, at + old.length(), uuid.toString());
      count++;
      at = lower.indexOf(old.toLowerCase(Locale.ROOT), at + old.length());
    }
    if (old.length() != uuid.toString().length()) {
      throw new IOException("the domain XML has a UUID without dashes: set domain.xml=@FILE");
    }
    edit.domainXml(changed.toString().getBytes(StandardCharsets.ISO_8859_1), "domain.xml", origin);
    return count;
  }
}
