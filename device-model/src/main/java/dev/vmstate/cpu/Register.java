package dev.vmstate.cpu;

import dev.vmstate.bytes.Span;
import dev.vmstate.device.FieldEdit;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.regex.Pattern;

/**
 * One register of a CPU: a view over the device fields that hold it. Most have one field of their
 * own; {@code ymm3} is four, {@code cr8} is four bits of one.
 *
 * @param name e.g. {@code rip}, {@code cr3}, {@code cs.base}, {@code msr.IA32_LSTAR}
 * @param group what it belongs to
 * @param bits its width
 * @param whole its value, zero-extended
 * @param parts the fields that hold it, lowest bits first; a dump has none
 * @param signed whether people read it with a sign
 */
public record Register(
    String name,
    RegisterGroup group,
    int bits,
    BigInteger whole,
    List<RegisterPart> parts,
    boolean signed) {

  private static final Pattern NUMBER = Pattern.compile("-?\\d.*");

  public Register {
    parts = List.copyOf(parts);
  }

  /** A register that the device field {@code path} holds. */
  public static Register ofField(String name, Span span, long value, String path) {
    int bits = (int) span.length() * 8;
    return of(
            name,
            RegisterGroup.GENERAL,
            List.of(RegisterPart.field(path, span, value, 0, false)),
            false)
        .ofWidth(bits);
  }

  /** A register that is only known by its value. */
  public static Register ofValue(String name, int bits, long value) {
    return new Register(name, RegisterGroup.GENERAL, bits, unsigned(value), List.of(), false);
  }

  /** A register that ends where its highest part does. */
  static Register of(String name, RegisterGroup group, List<RegisterPart> parts, boolean signed) {
    BigInteger whole = BigInteger.ZERO;
    int bits = 0;
    for (RegisterPart part : parts) {
      whole = whole.or(part.value().shiftLeft(part.at()));
      bits = Math.max(bits, part.at() + part.bits());
    }
    return new Register(name, group, bits, whole, parts, signed);
  }

  private Register ofWidth(int width) {
    return new Register(name, group, width, whole, parts, signed);
  }

  static BigInteger unsigned(long value) {
    return new BigInteger(Long.toUnsignedString(value));
  }

  /** The lowest 64 bits. */
  public long value() {
    return whole.longValue();
  }

  /** Bits {@code 64 * i} to {@code 64 * i + 63}. */
  public long word(int i) {
    return whole.shiftRight(64 * i).longValue();
  }

  /** Whether an edit of it has somewhere to go. */
  public boolean editable() {
    return !parts.isEmpty();
  }

  /** As people read it: decimal where it has a sign, else {@code 0x} hexadecimal. */
  public String text() {
    return signed ? Long.toString(value() << 64 - bits >> 64 - bits) : "0x" + whole.toString(16);
  }

  /**
   * Reads a value for it: decimal, with a minus where it has a sign, {@code 0x} hexadecimal, or
   * names of bits as {@link BitNames} has them ({@code PE|PG}, {@code +TF}).
   *
   * @throws IllegalArgumentException when the text is no number or does not fit
   */
  public BigInteger parse(String text) {
    BigInteger value;
    String trimmed = text.trim();
    if (BitNames.of(name).named() && !NUMBER.matcher(trimmed).matches()) {
      return unsigned(BitNames.of(name).parse(trimmed, value()));
    }
    boolean hex = trimmed.startsWith("0x") || trimmed.startsWith("0X");
    try {
      String digits = hex ? trimmed.substring(2).replace("_", "") : trimmed;
      if (digits.startsWith("+") || hex && digits.startsWith("-")) {
        throw new NumberFormatException(digits);
      }
      value = new BigInteger(digits, hex ? 16 : 10);
    } catch (NumberFormatException e) {
      throw new IllegalArgumentException("'%s' is not a number".formatted(trimmed), e);
    }
    boolean fits = !signed || hex || value.bitLength() < bits;
    if (value.signum() < 0 && signed && fits) {
      value = value.add(BigInteger.ONE.shiftLeft(bits));
    }
    if (!fits || value.signum() < 0 || value.bitLength() > bits) {
      throw new IllegalArgumentException(
          "%s does not fit %s of %d bits".formatted(trimmed, name, bits));
    }
    return value;
  }

  /**
   * The edits that give it a new value: one for each field whose bits change.
   *
   * @param value of no more than {@link #bits} bits
   * @throws IllegalStateException when it is not {@link #editable}
   */
  public List<FieldEdit> set(BigInteger value, String origin) {
    if (parts.isEmpty()) {
      throw new IllegalStateException(name + " has no field");
    }
    List<FieldEdit> edits = new ArrayList<>();
    for (RegisterPart part : parts) {
      part.edit(value.shiftRight(part.at()), origin).ifPresent(edits::add);
    }
    return edits;
  }

  /** The field it has for itself alone, if it is like that. */
  public Optional<RegisterPart> field() {
    return parts.size() == 1 ? Optional.of(parts.get(0)) : Optional.empty();
  }
}
