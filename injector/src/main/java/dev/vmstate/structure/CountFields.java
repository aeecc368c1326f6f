package dev.vmstate.structure;

import java.util.Map;
import java.util.Optional;

/**
 * Which field counts the elements of an array of variable length, where QEMU's sources say so and
 * the stream does not: {@code hw/pci/pci.c} (vmstate_pcibus), {@code backends/dbus-vmstate.c},
 * {@code backends/tpm/tpm_emulator.c}, {@code hw/ppc/spapr.c}. Both fields stand in the same vmsd.
 */
final class CountFields {
  /** By vmsd and array, {@code vmsd/array}. */
  private static final Map<String, String> KNOWN =
      Map.of(
          "PCIBUS/irq_count", "nirq",
          "dbus-vmstate/data", "data_size",
          "tpm-emulator/state_blobs.permanent.buffer", "state_blobs.permanent.size",
          "tpm-emulator/state_blobs.volatil.buffer", "state_blobs.volatil.size",
          "tpm-emulator/state_blobs.savestate.buffer", "state_blobs.savestate.size",
          "spapr_event_log_entry/extended_log", "extended_length");

  private CountFields() {}

  /** The name of the field that counts. */
  static Optional<String> of(String vmsd, String array) {
    return Optional.ofNullable(KNOWN.get(vmsd + "/" + array));
  }
}
