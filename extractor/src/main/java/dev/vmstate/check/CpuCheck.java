package dev.vmstate.check;

import dev.vmstate.device.DeviceSection;
import dev.vmstate.device.Field;
import dev.vmstate.snapshot.StreamSnapshot;
import java.io.IOException;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * CPU features that the guest has switched on, against those of the destination's model. QEMU loads
 * the registers whatever the model is: a feature that is missing shows when the guest uses it, so
 * these are warnings. Bits: Intel SDM volume 3, 2.5 (CR4), 2.6 (XCR0), and {@code
 * target/i386/cpu.h}.
 */
final class CpuCheck {
  /** A register's bits, and QEMU's name of the feature that has them. */
  private record Bit(String field, long mask, String feature) {}

  private static final List<Bit> BITS =
      List.of(
          new Bit("env.cr[4]", 1L << 4, "pse"),
          new Bit("env.cr[4]", 1L << 5, "pae"),
          new Bit("env.cr[4]", 1L << 7, "pge"),
          new Bit("env.cr[4]", 1L << 9, "fxsr"),
          new Bit("env.cr[4]", 1L << 10, "sse"),
          new Bit("env.cr[4]", 1L << 11, "umip"),
          new Bit("env.cr[4]", 1L << 12, "la57"),
          new Bit("env.cr[4]", 1L << 13, "vmx"),
          new Bit("env.cr[4]", 1L << 14, "smx"),
          new Bit("env.cr[4]", 1L << 16, "fsgsbase"),
          new Bit("env.cr[4]", 1L << 17, "pcid"),
          new Bit("env.cr[4]", 1L << 18, "xsave"),
          new Bit("env.cr[4]", 1L << 20, "smep"),
          new Bit("env.cr[4]", 1L << 21, "smap"),
          new Bit("env.cr[4]", 1L << 22, "pku"),
          new Bit("env.cr[4]", 1L << 24, "pks"),
          new Bit("env.efer", 1L, "syscall"),
          new Bit("env.efer", 1L << 8, "lm"),
          new Bit("env.efer", 1L << 11, "nx"),
          new Bit("env.efer", 1L << 12, "svm"),
          new Bit("env.efer", 1L << 14, "fxsr-opt"),
          new Bit("env.xcr0", 1L << 2, "avx"),
          new Bit("env.xcr0", 3L << 3, "mpx"),
          new Bit("env.xcr0", 7L << 5, "avx512f"),
          new Bit("env.xcr0", 1L << 9, "pku"),
          new Bit("env.xcr0", 3L << 17, "amx-tile"),
          new Bit("env.xss", -1L, "xsaves"),
          new Bit("env.tsc_deadline", -1L, "tsc-deadline"),
          new Bit("env.msr_xfd", -1L, "amx-tile"));

  private CpuCheck() {}

  static void of(StreamSnapshot snapshot, Destination to, List<Finding> findings)
      throws IOException {
    Map<String, String> used = new LinkedHashMap<>();
    for (DeviceSection device : snapshot.devices()) {
      if (device.name().equals("cpu")) {
        used(device.root(), device.label(), used);
      }
    }
    for (Map.Entry<String, String> feature : used.entrySet()) {
      if (to.cpu().has(feature.getKey()).equals(Optional.of(false))) {
        String[] where = feature.getValue().split(" ", 2);
        findings.add(
            Finding.warning(
                where[0],
                where[1],
                "the guest uses %s, which %s has not"
                    .formatted(feature.getKey(), to.cpu().name())));
      }
    }
  }

  private static void used(Field.Group group, String cpu, Map<String, String> used) {
    for (Field child : group.children()) {
      if (child instanceof Field.Group nested) {
        if (nested.kind() == Field.GroupKind.SUBSECTION
            && nested.name().equals("cpu/nested_state")) {
          used.putIfAbsent("vmx|svm", cpu + " " + nested.name());
        }
        used(nested, cpu, used);
      } else if (child instanceof Field.Scalar scalar) {
        for (Bit bit : BITS) {
          if (bit.field().equals(scalar.name()) && (scalar.value() & bit.mask()) != 0) {
            used.putIfAbsent(bit.feature(), cpu + " " + scalar.name());
          }
        }
      }
    }
  }
}
