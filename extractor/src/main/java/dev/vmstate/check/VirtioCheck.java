package dev.vmstate.check;

import dev.vmstate.device.DeviceSection;
import dev.vmstate.device.Field;
import java.io.IOException;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The queues of a virtio device, which its own load function looks at ({@code hw/virtio/virtio.c},
 * virtio_load): a queue may not be longer than the destination made it. Not every QEMU looks; one
 * that does has the words for it.
 */
final class VirtioCheck {
  /** What 11.1 says; 5.2, 7.2 and 10.0 load longer queues without a word. */
  private static final String TOO_LONG = "VQ %d vring.num %u exceeds allocated max %u";

  private static final String LENGTH = "vring.num";

  private VirtioCheck() {}

  static void of(DeviceSection section, DeviceSection own, Destination to, List<Finding> findings)
      throws IOException {
    Map<String, Long> saved = new LinkedHashMap<>();
    collect(section.root(), "", saved);
    Map<String, Long> there = new LinkedHashMap<>();
    collect(own.root(), "", there);
    if (saved.size() > there.size() && !there.isEmpty()) {
      findings.add(
          Finding.warning(
              section.label(),
              "",
              "%d queues, the destination's device has %d".formatted(saved.size(), there.size())));
    }
    for (Map.Entry<String, Long> queue : saved.entrySet()) {
      long most = there.getOrDefault(queue.getKey(), Long.MAX_VALUE);
      if (queue.getValue() > most) {
        String reason =
            "a queue of %d, the destination's has %d: give the device the queue size it had"
                .formatted(queue.getValue(), most);
        boolean refused = to.names().hold(TOO_LONG).orElse(true);
        findings.add(
            refused
                ? Finding.error(section.label(), queue.getKey(), reason)
                : Finding.warning(section.label(), queue.getKey(), reason));
      }
    }
  }

  private static void collect(Field.Group group, String path, Map<String, Long> into) {
    for (Field child : group.children()) {
      String at = path.isEmpty() ? child.label() : path + "/" + child.label();
      if (child instanceof Field.Group nested) {
        collect(nested, at, into);
      } else if (child instanceof Field.Scalar scalar && scalar.name().equals(LENGTH)) {
        into.put(at, scalar.value());
      }
    }
  }
}
