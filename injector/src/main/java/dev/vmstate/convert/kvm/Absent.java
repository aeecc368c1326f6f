package dev.vmstate.convert.kvm;

import dev.vmstate.kvmstate.KvmStructs;
import dev.vmstate.kvmstate.StateValue;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * The kernel's devices in a machine that has none of them: KVM makes all or none, so those a stream
 * does not have must keep still.
 */
final class Absent {
  private static final int PINS = 24;
  private static final long MASKED = 1 << 16;

  /** {@code kvm_pit_reset}: no mode was chosen, nothing counts. */
  private static final int NO_MODE = 0xff;

  private Absent() {}

  static Map<String, StateValue> devices() {
    Map<String, StateValue> devices = new LinkedHashMap<>();
    devices.put("pic-master", KvmStructs.PIC.zero().set("imr", 0xff).set("elcr_mask", 0xf8));
    devices.put("pic-slave", KvmStructs.PIC.zero().set("imr", 0xff).set("elcr_mask", 0xde));
    StateValue ioapic = KvmStructs.IOAPIC.zero().set("base_address", 0xfec0_0000L);
    for (int i = 0; i < PINS; i++) {
      ioapic.set("redirtbl[%d]".formatted(i), MASKED);
    }
    devices.put("ioapic", ioapic);
    StateValue pit = KvmStructs.PIT.zero();
    for (int i = 0; i < 3; i++) {
      pit.set("channels[%d].mode".formatted(i), NO_MODE);
      pit.set("channels[%d].gate".formatted(i), i == 2 ? 0 : 1);
    }
    devices.put("pit", pit);
    return devices;
  }
}
