package dev.vmstate.cpu;

import dev.vmstate.bytes.Span;

/**
 * One register and the stream bytes that hold it.
 *
 * @param name e.g. {@code rip}, {@code cr3}, {@code cs.base}
 * @param span where its big-endian bytes stand
 * @param value its value, zero-extended
 * @param fieldPath the device field behind it, e.g. {@code cpu[0]/env.eip}
 */
public record Register(String name, Span span, long value, String fieldPath) {
  /** Width in bits. */
  public int bits() {
    return (int) span.length() * 8;
  }
}
