package dev.vmstate.convert.kvm;

import dev.vmstate.kvmstate.StateValue;
import java.io.IOException;

/**
 * A piece of state that stands in a stream and in one of KVM's structures.
 *
 * <p>Back into a stream only a difference is written: where KVM has what the stream would give it,
 * the stream keeps its bytes, also where the way to KVM mended something. So a stream converted
 * there and back is itself.
 */
interface Row {
  /** From the stream; what it does not have stays as it is. */
  void toKvm(StreamNumbers stream, StateValue kvm) throws IOException;

  /**
   * Into the stream.
   *
   * @param was what {@link #toKvm} makes of the stream
   * @param now what it is to hold
   */
  void toStream(StateValue was, StateValue now, StreamNumbers stream) throws IOException;

  /** A number that both have as it is. */
  static Row same(String name, String member) {
    return bits(name, 0, Long.SIZE, member, 0);
  }

  /** One that both call the same. */
  static Row same(String name) {
    return same(name, name);
  }

  /**
   * Bits of a number in the stream that are some of a member.
   *
   * @param from the lowest in the stream's number
   * @param bits how many
   * @param at where that one is in the member
   */
  static Row bits(String name, int from, int bits, String member, int at) {
    return new Row() {
      private final long mask = bits == Long.SIZE ? -1L : (1L << bits) - 1;

      private long part(StateValue value) {
        return value.get(member) >>> at & mask;
      }

      @Override
      public void toKvm(StreamNumbers stream, StateValue kvm) throws IOException {
        if (stream.has(name)) {
          long rest = kvm.get(member) & ~(mask << at);
          kvm.set(member, rest | (stream.get(name) >>> from & mask) << at);
        }
      }

      @Override
      public void toStream(StateValue was, StateValue now, StreamNumbers stream)
          throws IOException {
        if (part(was) != part(now)) {
          stream.put(name, from, bits, part(now));
        }
      }
    };
  }

  /** A member that the stream has elsewhere too, or that a stream does not need. */
  interface Derived extends Row {
    @Override
    default void toStream(StateValue was, StateValue now, StreamNumbers stream) {}
  }

  /** A member that is always the same. */
  static Row constant(String member, long value) {
    return (Derived) (stream, kvm) -> kvm.set(member, value);
  }
}
