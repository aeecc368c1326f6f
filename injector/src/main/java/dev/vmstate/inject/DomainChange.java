package dev.vmstate.inject;

import dev.vmstate.bytes.FormatException;
import dev.vmstate.libvirt.DomainXml;
import dev.vmstate.libvirt.SaveImage;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** What a new domain XML changes that libvirt or QEMU may refuse. */
final class DomainChange {
  private DomainChange() {}

  /** Warnings, for people; none when the old XML cannot be read. */
  static List<String> warnings(SaveImage image, DomainXml fresh) {
    DomainXml old;
    try {
      old = image.domain();
    } catch (FormatException e) {
      return List.of();
    }
    List<String> warnings = new ArrayList<>();
    differs(
        warnings,
        "name",
        old.name(),
        fresh.name(),
        "libvirt restores it as another domain; a managed save of the old one is refused");
    differs(
        warnings,
        "uuid",
        old.uuid(),
        fresh.uuid(),
        "libvirt restores it as another domain; a managed save of the old one is refused");
    differs(
        warnings,
        "machine type",
        old.machine(),
        fresh.machine(),
        "QEMU loads the stream into the machine type it came from only");
    if (!macs(old).equals(macs(fresh))) {
      warnings.add(
          "the addresses of its interfaces change from %s to %s, those in the cards' state do not:"
                  .formatted(macs(old), macs(fresh))
              + " 'vmstate set-mac' changes both");
    }
    return warnings;
  }

  private static void differs(
      List<String> warnings, String what, Optional<String> was, Optional<String> is, String why) {
    if (!was.equals(is)) {
      warnings.add(
          "%s changes from %s to %s: %s"
              .formatted(what, was.orElse("none"), is.orElse("none"), why));
    }
  }

  private static List<String> macs(DomainXml domain) {
    return domain.interfaces().stream()
        .flatMap(card -> card.mac().stream())
        .map(DomainXml.Value::text)
        .toList();
  }
}
