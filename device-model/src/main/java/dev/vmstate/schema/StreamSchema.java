package dev.vmstate.schema;

import dev.vmstate.device.ScalarType;
import dev.vmstate.device.VmDescription;
import dev.vmstate.device.VmDescription.Entry;
import dev.vmstate.device.VmDescription.Struct;
import dev.vmstate.schema.Pattern.Condition;
import dev.vmstate.schema.Pattern.Part;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The description that another stream of the same machine carries. Its sections are matched by name
 * and instance; what depends on the state may differ: subsections, which of its shapes a struct has
 * (a disk that was identified or not), the length of what vmdesc does not describe (virtio).
 */
public final class StreamSchema extends SectionSchema {
  private static final int MAX_DEPTH = 64;

  /** Shapes that one struct is known to have. */
  private static final int MOST_SHAPES = 4;

  /** A real stream's disks and queues have a few dozen. */
  private static final int MOST_ALTERNATIVES = 1 << 10;

  /** Types whose length is not the state's. */
  private static final Set<String> FIXED =
      Set.of("buffer", "unused_buffer", "pci config", "pci irq state", "struct", "float64");

  private record Key(String name, long instance) {}

  /** A section of the other stream. */
  private record Known(long version, Pattern pattern) {}

  private record Subsection(String name, long version) {}

  private final String other;
  private final Map<Key, List<Known>> sections = new HashMap<>();
  private final Map<Subsection, Pattern> subsections = new HashMap<>();
  private final Map<String, Set<Struct>> shapes = new HashMap<>();
  private final PatternFit.Effort effort = new PatternFit.Effort();
  private int alternatives;

  /**
   * Learns from a description.
   *
   * @param other names the stream in reasons
   * @param description its vmdesc
   * @param versions the version_id of each of its sections, in the order of the description
   */
  public StreamSchema(String other, VmDescription description, List<Long> versions) {
    this.other = other;
    for (VmDescription.Device device : description.devices()) {
      shapes(device.body(), 0);
    }
    for (int i = 0; i < Math.min(versions.size(), description.devices().size()); i++) {
      VmDescription.Device device = description.devices().get(i);
      subsectionsOf(device.body(), 0);
      sections
          .computeIfAbsent(new Key(device.name(), device.instance()), key -> new ArrayList<>())
          .add(new Known(versions.get(i), pattern(device.body(), 0)));
    }
  }

  private void shapes(Struct struct, int depth) {
    if (depth > MAX_DEPTH) {
      return;
    }
    for (Entry entry : struct.fields()) {
      Struct nested = entry.struct();
      if (nested != null) {
        if (!nested.name().isEmpty() && nested.subsections().isEmpty()) {
          Set<Struct> same = shapes.computeIfAbsent(nested.name(), key -> new LinkedHashSet<>());
          if (same.size() < MOST_SHAPES && nested.fields().size() < MOST_ALTERNATIVES) {
            same.add(nested);
          }
        }
        shapes(nested, depth + 1);
      }
    }
    struct.subsections().forEach(subsection -> shapes(subsection, depth + 1));
  }

  private void subsectionsOf(Struct struct, int depth) {
    if (depth > MAX_DEPTH) {
      return;
    }
    for (Struct subsection : struct.subsections()) {
      subsections.computeIfAbsent(
          new Subsection(subsection.name(), subsection.version()),
          key -> pattern(subsection, depth));
      subsectionsOf(subsection, depth + 1);
    }
    for (Entry entry : struct.fields()) {
      if (entry.struct() != null) {
        subsectionsOf(entry.struct(), depth + 1);
      }
    }
  }

  private Pattern pattern(Struct struct, int depth) {
    List<Part> parts = new ArrayList<>();
    Condition condition = Condition.IDENTIFY_DATA;
    boolean conditional = struct.name().equals(condition.struct());
    for (Entry entry : struct.fields()) {
      if (conditional && entry.name().equals(condition.field())) {
        continue;
      }
      Struct nested = entry.struct();
      List<Pattern> made = new ArrayList<>();
      if (nested != null && depth < MAX_DEPTH && explains(entry, nested)) {
        made.add(pattern(nested, depth + 1));
        for (Struct shape : shapes.getOrDefault(nested.name(), Set.of())) {
          if (!shape.fields().equals(nested.fields())
              && depth < 8
              && alternatives++ < MOST_ALTERNATIVES) {
            Pattern other = pattern(shape, depth + 8);
            if (!made.contains(other)) {
              made.add(other);
            }
          }
        }
      }
      boolean stretches =
          depth == 0
              && struct.fields().size() == 1
              && struct.subsections().isEmpty()
              && made.isEmpty()
              && !FIXED.contains(entry.type())
              && ScalarType.of(entry.type()).isEmpty();
      parts.add(
          new Part(
              entry.name(),
              entry.type(),
              List.of(entry.size()),
              entry.count(),
              entry.array(),
              entry.array(),
              false,
              null,
              stretches || depth == 0 && struct.name().isEmpty() && struct.fields().size() == 1,
              made));
      if (conditional && entry.name().equals(condition.tells())) {
        parts.add(condition.part());
      }
    }
    return new Pattern(struct.name(), struct.version(), parts);
  }

  private static boolean explains(Entry entry, Struct nested) {
    try {
      return !nested.fields().isEmpty() && !nested.ambiguous() && nested.wireSize() == entry.size();
    } catch (ArithmeticException e) {
      return false;
    }
  }

  @Override
  Fit fit(Section wanted, Pattern.Subsections known) throws IOException {
    Key key = new Key(wanted.idstr(), wanted.instance());
    List<Known> same = sections.getOrDefault(key, List.of());
    if (same.isEmpty()) {
      return Fit.none("%s has no such section".formatted(other));
    }
    String reason = "";
    for (Known section : same) { // equal names are rare, and then of one kind
      if (section.version() != wanted.version()) {
        reason = "version %d, in %s it is %d".formatted(wanted.version(), other, section.version());
        continue;
      }
      Fit fit = PatternFit.of(wanted, section.pattern(), known, effort);
      if (fit.struct().isPresent()) {
        return fit;
      }
      reason = fit.reason();
    }
    return Fit.none(reason);
  }

  @Override
  @Nullable Pattern subsection(String name, long version) {
    return subsections.get(new Subsection(name, version));
  }
}
