package dev.vmstate.schema;

import dev.vmstate.bytes.ByteSource;
import dev.vmstate.bytes.Span;
import dev.vmstate.device.VmDescription.Struct;
import java.io.IOException;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** What somebody else says of sections that a stream does not describe itself. */
public abstract class SectionSchema {
  SectionSchema() {}

  /**
   * A section to be described.
   *
   * @param source the stream
   * @param payload the section's bytes
   * @param idstr its name
   * @param instance its instance_id
   * @param version its version_id
   */
  public record Section(
      ByteSource source, Span payload, String idstr, long instance, long version) {}

  /**
   * A description for one section's bytes, or why there is none.
   *
   * @param struct the description; it accounts for every byte of the section
   * @param reason why it is not there, or empty
   */
  public record Fit(Optional<Struct> struct, String reason) {
    static Fit of(Struct struct) {
      return new Fit(Optional.of(struct), "");
    }

    static Fit none(String reason) {
      return new Fit(Optional.empty(), reason);
    }
  }

  /** Looks for a description that fits a section's bytes exactly. */
  public Fit fit(Section section) throws IOException {
    return fit(section, this::subsection);
  }

  /** The same with subsections that others may know. */
  abstract Fit fit(Section section, Pattern.Subsections subsections) throws IOException;

  /** The subsection of that name and version, or null when it is not known. */
  abstract @Nullable Pattern subsection(String name, long version);

  /**
   * Several schemas as one: the first that fits a section counts, and what it does not know of
   * subsections the others may.
   */
  public static SectionSchema firstOf(List<SectionSchema> schemas) {
    return schemas.size() == 1 ? schemas.get(0) : new Several(List.copyOf(schemas));
  }

  private static final class Several extends SectionSchema {
    private final List<SectionSchema> schemas;

    Several(List<SectionSchema> schemas) {
      this.schemas = schemas;
    }

    @Override
    Fit fit(Section section, Pattern.Subsections subsections) throws IOException {
      String reason = "";
      for (SectionSchema schema : schemas) {
        Fit fit = schema.fit(section, subsections);
        if (fit.struct().isPresent()) {
          return fit;
        }
        reason = reason.isEmpty() ? fit.reason() : reason;
      }
      return Fit.none(reason);
    }

    @Override
    @Nullable Pattern subsection(String name, long version) {
      for (SectionSchema schema : schemas) {
        Pattern found = schema.subsection(name, version);
        if (found != null) {
          return found;
        }
      }
      return null;
    }
  }
}
