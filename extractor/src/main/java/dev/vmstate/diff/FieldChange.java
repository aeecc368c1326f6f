package dev.vmstate.diff;

import dev.vmstate.bytes.Span;
import dev.vmstate.device.NamedNumber;
import java.util.Optional;

/**
 * One value that differs.
 *
 * @param path as a person types it, e.g. {@code 0000:00:03.0/e1000/mac_reg[0x1500]}; a part of a
 *     field without inner structure has its offset behind a plus sign: {@code …/config+0x10}
 * @param field the path of the whole field the value is in
 * @param within the value's first byte, counted from the field's
 * @param type vmdesc's name of the type
 * @param inA its bytes in the first stream
 * @param inB its bytes in the second, as many
 * @param before the value in the first: a number, or hex, shortened when long
 * @param after the value in the second
 * @param more 0 for a value of its own; otherwise this stands for the last {@code more} differing
 *     values of a long field, which are not listed, and the spans run from the first to the last
 * @param names what the difference is called, where bits or values have names
 */
public record FieldChange(
    String path,
    String field,
    long within,
    String type,
    Span inA,
    Span inB,
    String before,
    String after,
    long more,
    Optional<NamedNumber.Change> names) {
  /** A value without names. */
  public FieldChange(
      String path,
      String field,
      long within,
      String type,
      Span inA,
      Span inB,
      String before,
      String after,
      long more) {
    this(path, field, within, type, inA, inB, before, after, more, Optional.empty());
  }

  /** The value in the first as it is shown: as {@code before}, in hex where its bits have names. */
  public String shownBefore() {
    return names.map(NamedNumber.Change::before).orElse(before);
  }

  /** The value in the second as it is shown, and what that means. */
  public String shownAfter() {
    return names.map(change -> change.after() + " [" + change.names() + "]").orElse(after);
  }

  @Override
  public String toString() {
    return more > 0
        ? "%s: %d more values differ".formatted(path, more)
        : "%s: %s -> %s".formatted(path, shownBefore(), shownAfter());
  }
}
