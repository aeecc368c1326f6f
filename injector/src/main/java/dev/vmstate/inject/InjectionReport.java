package dev.vmstate.inject;

import dev.vmstate.device.FieldEdit;
import java.util.List;

/**
 * What an injection changes, or would change.
 *
 * @param metadata what the container keeps beside the stream
 * @param structure what comes, goes, or is called differently
 * @param fields every device field and register that changes
 * @param ranges changed guest memory, at most {@link #MOST_RANGES} entries and some more than
 *     {@link #MOST_BYTES}
 * @param moreRanges how many ranges are not listed
 * @param pages pages that change
 * @param appendedPages those of them that had no bytes in the stream and were added to it
 * @param memoryBytes bytes of guest memory that change
 * @param fileBytes bytes written for the edits: patches, additions, what moved because of them;
 *     nothing of the copy; 0 in a dry run
 */
public record InjectionReport(
    List<Metadata> metadata,
    List<Structural> structure,
    List<FieldEdit> fields,
    List<Range> ranges,
    long moreRanges,
    long pages,
    long appendedPages,
    long memoryBytes,
    long fileBytes) {
  /** A report lists so many ranges and counts the rest. */
  public static final int MOST_RANGES = 10_000;

  /** And no more once the listed ones have so many bytes. */
  public static final int MOST_BYTES = 4 << 20;

  /**
   * Bytes that change next to each other.
   *
   * @param physical guest-physical address, or -1 when the CPU does not see them
   * @param block RAM block
   * @param offset inside it
   */
  public record Range(
      long physical, String block, long offset, FieldEdit.Bytes before, FieldEdit.Bytes after) {}

  /**
   * A value the container keeps beside the stream.
   *
   * @param path how a person names it, e.g. {@code domain.xml}
   * @param before what it was, or how long
   * @param after what it becomes
   * @param origin who asked
   * @param notes warnings
   */
  public record Metadata(
      String path, String before, String after, String origin, List<String> notes) {
    public Metadata {
      notes = List.copyOf(notes);
    }
  }

  /**
   * A change of the stream's structure.
   *
   * @param path what changes, e.g. {@code 0000:00:02.0/e1000}
   * @param what what becomes of it, e.g. {@code section dropped}
   * @param offset where its bytes stand in the old stream
   * @param bytesBefore how many they were
   * @param bytesAfter how many they become
   * @param origin who asked
   * @param notes warnings, rules of QEMU's
   */
  public record Structural(
      String path,
      String what,
      long offset,
      long bytesBefore,
      long bytesAfter,
      String origin,
      List<String> notes) {
    public Structural {
      notes = List.copyOf(notes);
    }
  }

  public InjectionReport {
    structure = List.copyOf(structure);
    metadata = List.copyOf(metadata);
    fields = List.copyOf(fields);
    ranges = List.copyOf(ranges);
  }

  /** The same, with what was written to the file. */
  InjectionReport written(long bytes) {
    return new InjectionReport(
        metadata, structure, fields, ranges, moreRanges, pages, appendedPages, memoryBytes, bytes);
  }

  /** The same, with what changes beside the stream. */
  InjectionReport with(List<Metadata> changed) {
    return new InjectionReport(
        changed,
        structure,
        fields,
        ranges,
        moreRanges,
        pages,
        appendedPages,
        memoryBytes,
        fileBytes);
  }

  /** Of a plan that leaves the stream alone. */
  static InjectionReport none() {
    return of(List.of(), List.of());
  }

  /** Of changes of structure and fields alone. */
  static InjectionReport of(List<Structural> structure, List<FieldEdit> fields) {
    return new InjectionReport(List.of(), structure, fields, List.of(), 0, 0, 0, 0, 0);
  }

  /** Whether nothing changes. */
  public boolean isEmpty() {
    return metadata.isEmpty() && structure.isEmpty() && fields.isEmpty() && pages == 0;
  }
}
