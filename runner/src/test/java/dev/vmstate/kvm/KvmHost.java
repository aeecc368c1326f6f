package dev.vmstate.kvm;

import org.junit.jupiter.api.Assumptions;

/** {@code /dev/kvm}, for tests that are skipped where it cannot be used. */
final class KvmHost {
  private KvmHost() {}

  static Kvm open() {
    try {
      return Kvm.open();
    } catch (KvmException e) {
      return Assumptions.abort(e.getMessage());
    }
  }
}
