package dev.vmstate.schema;

import dev.vmstate.device.VmDescription.Entry;
import dev.vmstate.device.VmDescription.Struct;
import dev.vmstate.schema.ClassDescription.DescribedField;
import dev.vmstate.schema.Pattern.Condition;
import dev.vmstate.schema.Pattern.Part;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * What {@code -dump-vmstate} says, as a schema. It knows sizes in memory and, since QEMU 10.0, how
 * long fixed arrays are; types it does not know, so numbers are unsigned. Much stays open, and what
 * cannot be laid over a section's bytes in exactly one way is not believed.
 */
public final class ClassSchema extends SectionSchema {
  private static final int MAX_DEPTH = 32;

  private final DeviceClasses classes;
  private final String file;
  private final PatternFit.Effort effort = new PatternFit.Effort();

  private final Map<ClassDescription, Map<Long, Pattern>> made = new IdentityHashMap<>();

  /** {@code file} names the dump in reasons. */
  public ClassSchema(DeviceClasses classes, String file) {
    this.classes = classes;
    this.file = file;
  }

  @Override
  Fit fit(Section wanted, Pattern.Subsections known) throws IOException {
    long version = wanted.version();
    Optional<String> description = classes.descriptionOf(wanted.idstr());
    if (description.isEmpty()) {
      return Fit.none("%s describes no such device".formatted(file));
    }
    Fit found = Fit.none("");
    for (ClassDescription section : new LinkedHashSet<>(classes.sections(description.get()))) {
      if (version < section.minimum() || version > section.version()) {
        found = firstReason(found, "version %d is not described by %s".formatted(version, file));
        continue;
      }
      Fit fit = PatternFit.of(wanted, pattern(section, version), known, effort);
      if (fit.struct().isEmpty()) {
        found = firstReason(found, fit.reason());
      } else if (found.struct().isEmpty()) {
        found = fit;
      } else if (!leaves(found).equals(leaves(fit))) {
        return Fit.none("several classes of %s fit these bytes".formatted(file));
      }
    }
    return found;
  }

  /** Names and sizes: what a class calls the structs around them does not matter. */
  private static List<String> leaves(Fit fit) {
    List<String> leaves = new ArrayList<>();
    leaves(fit.struct().orElseThrow(), leaves);
    return leaves;
  }

  private static void leaves(Struct struct, List<String> into) {
    for (Entry entry : struct.fields()) {
      if (entry.struct() == null) {
        into.add("%s %d*%d".formatted(entry.name(), entry.count(), entry.size()));
      } else {
        into.add("*" + entry.count());
        leaves(entry.struct(), into);
      }
    }
    struct.subsections().forEach(subsection -> leaves(subsection, into));
  }

  private static Fit firstReason(Fit found, String reason) {
    return found.struct().isPresent() || !found.reason().isEmpty() ? found : Fit.none(reason);
  }

  @Override
  @Nullable Pattern subsection(String name, long version) {
    for (ClassDescription description : classes.anywhere(name)) {
      if (version >= description.minimum() && version <= description.version()) {
        return pattern(description, version);
      }
    }
    return null;
  }

  private Pattern pattern(ClassDescription description, long version) {
    return made.computeIfAbsent(description, key -> new HashMap<>())
        .computeIfAbsent(version, key -> pattern(description, version, 0));
  }

  private static Pattern pattern(ClassDescription description, long version, int depth) {
    List<Part> parts = new ArrayList<>();
    for (DescribedField field : description.fields()) {
      if (field.version() <= version && depth < MAX_DEPTH) {
        boolean alone =
            depth == 0 && description.fields().size() == 1 && description.subsections().isEmpty();
        parts.add(part(description.name(), field, depth, alone));
      }
    }
    return new Pattern(description.name(), version, parts);
  }

  private static Part part(String owner, DescribedField field, int depth, boolean alone) {
    Condition condition = Condition.IDENTIFY_DATA;
    if (owner.equals(condition.struct()) && field.name().equals(condition.field())) {
      return condition.part();
    }
    ClassDescription struct = field.struct();
    List<Pattern> shapes =
        struct == null ? List.of() : List.of(pattern(struct, struct.version(), depth + 1));
    List<Long> sizes = new ArrayList<>(List.of(field.size()));
    boolean timer = field.name().contains("timer") && field.size() >= 8;
    if (timer && field.size() > 8) {
      sizes.add(0, 8L); // a QEMUTimer within the struct: what is sent is when it ends
    }
    return new Part(
        field.name(),
        type(owner, field, timer),
        sizes,
        Math.max(1, field.count()),
        field.count() > 0,
        struct != null && field.count() == 0,
        field.conditional(),
        null,
        struct == null && field.size() == 0 && alone,
        shapes);
  }

  private static String type(String owner, DescribedField field, boolean timer) {
    if (field.struct() != null) {
      return "struct";
    }
    if (owner.equals("PCIDevice") && !field.name().equals("version_id")) {
      return field.name().equals("config") ? "pci config" : "pci irq state";
    }
    if (timer) {
      return "timer";
    }
    if (field.name().equals("unused")) {
      return "unused_buffer";
    }
    return switch ((int) Math.min(field.size(), 9)) {
      case 1 -> "uint8";
      case 2 -> "uint16";
      case 4 -> "uint32";
      case 8 -> "uint64";
      default -> "buffer";
    };
  }
}
