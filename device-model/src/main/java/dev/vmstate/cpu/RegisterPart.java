package dev.vmstate.cpu;

import dev.vmstate.bytes.Span;
import dev.vmstate.device.FieldEdit;
import java.math.BigInteger;
import java.util.Optional;

/**
 * Some bits of a device field that are some bits of a register.
 *
 * @param path the field's path, e.g. {@code cpu[0]/env.eip}
 * @param span where its bytes stand in the stream, at most 8
 * @param now the field's value
 * @param from the lowest bit taken of the field
 * @param bits how many
 * @param at where the lowest stands in the register
 * @param little whether the lowest byte stands first: a piece of a buffer, a number of KVM's
 */
public record RegisterPart(
    String path, Span span, long now, int from, int bits, int at, boolean little) {
  /** All of a field, from bit {@code at} of the register on. */
  static RegisterPart field(String path, Span span, long now, int at, boolean little) {
    return new RegisterPart(path, span, now, 0, (int) span.length() * 8, at, little);
  }

  /** Some of its bits, as the lowest of a register. */
  RegisterPart only(int lowest, int count) {
    return new RegisterPart(path, span, now, lowest, count, 0, little);
  }

  /** The same from another bit of the register on. */
  RegisterPart to(int bit) {
    return new RegisterPart(path, span, now, from, bits, bit, little);
  }

  private long mask() {
    return bits == Long.SIZE ? -1L : (1L << bits) - 1;
  }

  /** Its value. */
  BigInteger value() {
    return Register.unsigned(now >>> from & mask());
  }

  /** The edit that puts the lowest bits of {@code value} into the field; empty when they are. */
  Optional<FieldEdit> edit(BigInteger value, String origin) {
    long after = now & ~(mask() << from) | (value.longValue() & mask()) << from;
    FieldEdit edit = FieldEdit.of(path, span, bytes(now), bytes(after), origin);
    return edit.changes() ? Optional.of(edit) : Optional.empty();
  }

  private byte[] bytes(long value) {
    byte[] bytes = new byte[(int) span.length()];
    for (int i = 0; i < bytes.length; i++) {
      bytes[little ? i : bytes.length - 1 - i] = (byte) (value >>> 8 * i);
    }
    return bytes;
  }
}
