package dev.vmstate.core.kdump;

import dev.vmstate.core.vmcoreinfo.Vmcoreinfo;
import java.util.OptionalLong;

/**
 * VMCOREINFO, asked for what a filter cannot do without.
 *
 * @param info of the running kernel
 * @param level for which it is asked
 */
record FilterFacts(Vmcoreinfo info, DumpLevel level) {
  /** The line's number; empty when there is no such line. */
  OptionalLong find(String key) {
    String value = info.value(key).orElse("");
    boolean hex = value.startsWith("0x");
    try {
      return OptionalLong.of(
          hex || key.startsWith("SYMBOL(")
              ? Long.parseUnsignedLong(value.substring(hex ? 2 : 0), 16)
              : Long.parseLong(value));
    } catch (NumberFormatException e) {
      return OptionalLong.empty();
    }
  }

  long get(String key) throws UnfilterableException {
    OptionalLong value = find(key);
    if (value.isEmpty()) {
      throw missing(key);
    }
    return value.getAsLong();
  }

  /** The same, for what is multiplied, allocated or shifted by. */
  int get(String key, int least, int most) throws UnfilterableException {
    long value = get(key);
    if (value < least || value > most) {
      throw new UnfilterableException(
          "VMCOREINFO of Linux %s has %s=%d, %d to %d expected; --dump-level 1 needs none"
              .formatted(info.release(), key, value, least, most));
    }
    return (int) value;
  }

  UnfilterableException missing(String what) {
    return new UnfilterableException(
        "VMCOREINFO of Linux %s has no %s, which --dump-level %d needs; 1 (zero) needs none"
            .formatted(info.release(), what, level.bits()));
  }
}
