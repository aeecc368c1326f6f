package dev.vmstate.layout;

import dev.vmstate.bytes.ByteSource;
import dev.vmstate.bytes.Span;
import dev.vmstate.device.DeviceSection;
import dev.vmstate.device.EditSet;
import dev.vmstate.device.Field;
import dev.vmstate.device.SectionDecoder;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Notices edits after which bytes read differently from what they were edited as: a count without
 * the elements it counts, a feature bit that brings a field along, a capability's pointer. QEMU
 * reads by the same rules, so it would take what follows for something else.
 */
public final class LayoutFit {
  private LayoutFit() {}

  /** Puts a warning on each edit that takes its field's layout away. */
  public static void warn(List<DeviceSection> devices, EditSet edits) throws IOException {
    if (edits.isEmpty()) {
      return;
    }
    for (DeviceSection device : devices) {
      if (edits.touches(device.payload())) {
        warn(device, device.root(), edits);
      }
    }
  }

  private static void warn(DeviceSection device, Field.Group group, EditSet edits)
      throws IOException {
    for (Field child : group.children()) {
      if (!(child instanceof Field.Group inner) || !edits.touches(inner.span())) {
        continue;
      }
      if (!inner.refined()) {
        warn(device, inner, edits);
      } else if (!shape(inner).equals(shape(device, inner, edits))) {
        edits.warn(
            inner.span(),
            "the bytes of %s then stand for something else: a value counts or chooses what follows it"
                .formatted(inner.label()));
      }
    }
  }

  /** What the edited bytes would be decoded as; nothing where no layout fits them. */
  private static List<String> shape(DeviceSection device, Field.Group group, EditSet edits)
      throws IOException {
    Field.Raw bytes = new Field.Raw(group.name(), group.index(), group.vmsd(), group.span());
    ByteSource edited = edited(device.source(), edits);
    Optional<Field.Group> again =
        Layouts.builtIn().refine(edited, device.name(), bytes, new SectionDecoder.Budget());
    return again.isPresent() ? shape(again.get()) : List.of();
  }

  private static List<String> shape(Field.Group group) {
    List<String> places = new ArrayList<>();
    for (Field child : group.children()) {
      places.add(child.label() + " " + child.span());
      if (child instanceof Field.Group inner) {
        places.addAll(shape(inner));
      }
    }
    return places;
  }

  private static ByteSource edited(ByteSource source, EditSet edits) {
    return new ByteSource() {
      @Override
      public String name() {
        return source.name();
      }

      @Override
      public long size() {
        return source.size();
      }

      @Override
      public void read(long offset, ByteBuffer into) throws IOException {
        Span span = new Span(offset, into.remaining());
        into.put(edits.over(span, source.bytes(span)));
      }
    };
  }
}
