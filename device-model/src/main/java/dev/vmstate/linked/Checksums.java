package dev.vmstate.linked;

import dev.vmstate.bytes.Span;
import dev.vmstate.checksum.Checksum;
import dev.vmstate.checksum.SummedField;
import dev.vmstate.device.DeviceSection;
import dev.vmstate.device.EditSet;
import dev.vmstate.device.Field;
import dev.vmstate.device.FieldEdit;
import dev.vmstate.device.FieldPath;
import dev.vmstate.nic.Nics;
import java.io.IOException;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/**
 * Lets the checksums of EEPROMs, PROMs and CMOS follow what changes under them.
 *
 * <p>One that is itself set stays as it was set. An EEPROM's that was wrong before stays wrong: it
 * is somebody's test. CMOS has it at 0 on every PC of QEMU, which leaves it to firmware that does
 * not care either, so there a change makes it right for the first time.
 */
public final class Checksums {
  private static final String RTC = "mc146818rtc";

  private Checksums() {}

  /**
   * Adds the edits of all checksums over bytes that {@code edits} change.
   *
   * @param origin who asks, for the report
   */
  public static void follow(List<DeviceSection> devices, EditSet edits, String origin)
      throws IOException {
    if (edits.isEmpty()) {
      return;
    }
    for (SummedField place : Nics.checksums(devices)) {
      follow(place, true, edits, origin);
    }
    for (DeviceSection device : devices) {
      Optional<FieldPath> cmos =
          device.name().equals(RTC) ? find(device, "cmos_data") : Optional.empty();
      if (cmos.isPresent()) {
        follow(new SummedField(cmos.get(), Checksum.CMOS), false, edits, origin);
      }
    }
  }

  private static void follow(SummedField place, boolean ifItHeld, EditSet edits, String origin)
      throws IOException {
    Checksum checksum = place.checksum();
    Span field = place.field().span();
    if (field.length() < checksum.covered()) {
      return;
    }
    Span covered = field.at(checksum.from(), checksum.covered() - checksum.from());
    Span at = field.at(checksum.place().offset(), checksum.place().length());
    if (!edits.touches(covered) || edits.touches(at)) {
      return;
    }
    Span front = field.at(0, checksum.covered());
    byte[] before = place.field().device().source().bytes(front);
    byte[] after = edits.over(front, before);
    boolean held = checksum.holds(before);
    if (Arrays.equals(before, after) || ifItHeld && !held) {
      return;
    }
    int from = (int) checksum.place().offset();
    String name = name(place);
    FieldEdit edit =
        FieldEdit.of(
            name,
            at,
            Arrays.copyOfRange(before, from, (int) checksum.place().end()),
            checksum.compute(after),
            "checksum: " + checksum.rule() + "; " + origin);
    edits.add(edit);
  }

  private static String name(SummedField place) {
    Span at = place.checksum().place();
    return place.field().field() instanceof Field.Array array && array.type().width() == at.length()
        ? "%s[0x%x]".formatted(place.field().path(), at.offset() / at.length())
        : "%s[0x%x..0x%x]".formatted(place.field().path(), at.offset(), at.end() - 1);
  }

  private static Optional<FieldPath> find(DeviceSection device, String path) {
    try {
      return Optional.of(FieldPath.in(device, path));
    } catch (FieldPath.NotFoundException e) {
      return Optional.empty();
    }
  }
}
