package dev.vmstate.kvmstate;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;

/**
 * The bytes of one structure, its members by name: {@code rip}, {@code cs.base}, {@code
 * redirtbl[3]}. Changeable, and for one thread.
 */
public final class StateValue {
  private final StateStruct shape;
  private final byte[] bytes;

  StateValue(StateStruct shape, byte[] bytes) {
    if (bytes.length != shape.size()) {
      throw new IllegalArgumentException(
          "%s: %d bytes, %d expected".formatted(shape.name(), bytes.length, shape.size()));
    }
    this.shape = shape;
    this.bytes = bytes;
  }

  /** Its shape. */
  public StateStruct shape() {
    return shape;
  }

  /** A number, zero-extended. */
  public long get(String path) {
    StateStruct.Place place = number(path);
    long value = 0;
    for (int i = place.width(); i-- > 0; ) {
      value = value << 8 | bytes[place.offset() + i] & 0xff;
    }
    return value;
  }

  /** Sets a number; bits that do not fit are not looked at. */
  public StateValue set(String path, long value) {
    StateStruct.Place place = number(path);
    for (int i = 0; i < place.width(); i++) {
      bytes[place.offset() + i] = (byte) (value >>> 8 * i);
    }
    return this;
  }

  private StateStruct.Place number(String path) {
    StateStruct.Place place = shape.place(path);
    if (!place.number()) {
      throw new IllegalArgumentException("%s.%s is no number".formatted(shape.name(), path));
    }
    return place;
  }

  /** A copy of a member's bytes, number or not. */
  public byte[] data(String path) {
    StateStruct.Place place = shape.place(path);
    return Arrays.copyOfRange(bytes, place.offset(), place.offset() + place.width());
  }

  /** Sets a member's bytes. */
  public StateValue data(String path, byte[] with) {
    StateStruct.Place place = shape.place(path);
    if (with.length != place.width()) {
      throw new IllegalArgumentException(
          "%s.%s: %d bytes, %d expected".formatted(shape.name(), path, with.length, place.width()));
    }
    System.arraycopy(with, 0, bytes, place.offset(), with.length);
    return this;
  }

  /** All its bytes, in a little-endian buffer over the value itself. */
  public ByteBuffer buffer() {
    return ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
  }

  /** A copy of all its bytes. */
  public byte[] bytes() {
    return bytes.clone();
  }

  /** A copy that can be changed by itself. */
  public StateValue copy() {
    return new StateValue(shape, bytes.clone());
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof StateValue value
        && shape == value.shape
        && Arrays.equals(bytes, value.bytes);
  }

  @Override
  public int hashCode() {
    return Arrays.hashCode(bytes);
  }

  @Override
  public String toString() {
    return new StateText().value(shape.name(), this).toString();
  }
}
