package dev.vmstate.cpu;

import dev.vmstate.bytes.Span;
import java.util.Optional;

/**
 * One register of a CPU.
 *
 * @param name e.g. {@code rip}, {@code cr3}, {@code cs.base}
 * @param bits its width
 * @param value its value, zero-extended
 * @param field the device field that holds it, where an edit goes; a dump has none
 */
public record Register(String name, int bits, long value, Optional<HeldBy> field) {
  /**
   * The device field behind a register.
   *
   * @param span where its big-endian bytes stand in the stream
   * @param path the field's path, e.g. {@code cpu[0]/env.eip}
   */
  public record HeldBy(Span span, String path) {}

  /** A register that the device field {@code path} holds. */
  public static Register ofField(String name, Span span, long value, String path) {
    return new Register(name, (int) span.length() * 8, value, Optional.of(new HeldBy(span, path)));
  }

  /** A register that is only known by its value. */
  public static Register ofValue(String name, int bits, long value) {
    return new Register(name, bits, value, Optional.empty());
  }
}
