package dev.vmstate.check;

import dev.vmstate.device.DeviceSection;
import dev.vmstate.device.Field;
import java.io.IOException;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Values that QEMU compares with its own while loading ({@code migration/vmstate-types.c}, the
 * types whose names end in {@code equal} and {@code le}).
 */
final class ValueCheck {
  private ValueCheck() {}

  static void of(DeviceSection saved, DeviceSection own, List<Finding> findings)
      throws IOException {
    compare(saved.root(), own.root(), "", saved, own, findings);
  }

  private static void compare(
      Field.Group saved,
      Field.Group own,
      String path,
      DeviceSection in,
      DeviceSection ownIn,
      List<Finding> findings)
      throws IOException {
    Map<String, Field> others = new HashMap<>();
    own.children().forEach(child -> others.putIfAbsent(child.label(), child));
    for (Field child : saved.children()) {
      Field other = others.get(child.label());
      String at = path.isEmpty() ? child.label() : path + "/" + child.label();
      if (child instanceof Field.Group a && other instanceof Field.Group b) {
        compare(a, b, at, in, ownIn, findings);
      } else if (child instanceof Field.Scalar a && other instanceof Field.Scalar b) {
        scalar(a, b, at, in, findings);
      } else if (child instanceof Field.Array a
          && other instanceof Field.Array b
          && a.type().comparedOnLoad()
          && a.count() == b.count()
          && !Arrays.equals(in.bytes(a), ownIn.bytes(b))) {
        findings.add(
            Finding.error(
                in.label(), at, "the destination's values differ, and QEMU compares them"));
      }
    }
  }

  private static void scalar(
      Field.Scalar saved,
      Field.@Nullable Scalar own,
      String path,
      DeviceSection in,
      List<Finding> findings) {
    if (own == null || !saved.type().comparedOnLoad()) {
      return;
    }
    boolean most = saved.type().name().endsWith(" le");
    boolean fits =
        most ? saved.value() >= 0 && saved.value() <= own.value() : saved.value() == own.value();
    if (!fits) {
      String wanted = own.type().format(own.value());
      findings.add(
          Finding.error(
                  in.label(),
                  path,
                  "%s, the destination takes %s%s only"
                      .formatted(saved.type().format(saved.value()), most ? "up to " : "", wanted))
              .fixedBy("set", "%s/%s=%s".formatted(in.label(), path, wanted)));
    }
  }
}
