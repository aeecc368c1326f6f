package dev.vmstate.machine;

/**
 * When a machine pauses by itself. A vCPU that stands at an output has done the instruction, and
 * the output itself is held back until the machine goes on: from a snapshot made there, too. One
 * that stands at an input has not done it. Conditions stay in force when the machine goes on; exits
 * and time are counted from there.
 */
public sealed interface PauseCondition {
  /** An instruction reads or writes a port of this number. */
  record IoPort(int port) implements PauseCondition {
    /** Checks that it is one. */
    public IoPort {
      if (port < 0 || port > 0xffff) {
        throw new IllegalArgumentException(
            "0x%x is no port, which are 0 to 0xffff".formatted(port));
      }
    }
  }

  /** An instruction reads or writes MMIO, and this byte is among those. */
  record MmioAddress(long address) implements PauseCondition {}

  /** A vCPU halts. The machine goes on behind the HLT. Not seen with an in-kernel irqchip. */
  record Halt() implements PauseCondition {}

  /** So many exits, of any vCPU. */
  record ExitCount(long exits) implements PauseCondition {
    /** Checks that there is one. */
    public ExitCount {
      if (exits < 1) {
        throw new IllegalArgumentException("a pause after %d exits".formatted(exits));
      }
    }
  }

  /** So much time. */
  record Duration(java.time.Duration after) implements PauseCondition {
    /** Checks that it is not negative. */
    public Duration {
      if (after.isNegative()) {
        throw new IllegalArgumentException("a pause after %s".formatted(after));
      }
    }
  }

  /**
   * Reads {@code io:PORT}, {@code mmio:ADDRESS} or {@code hlt}; numbers are decimal or {@code 0x…}.
   *
   * @throws IllegalArgumentException when it is none of them
   */
  static PauseCondition parse(String text) {
    if (text.equals("hlt")) {
      return new Halt();
    }
    int colon = text.indexOf(':');
    String kind = colon < 0 ? "" : text.substring(0, colon);
    if (!kind.equals("io") && !kind.equals("mmio")) {
      throw new IllegalArgumentException(
          "'%s': io:PORT, mmio:ADDRESS or hlt was expected".formatted(text));
    }
    String number = text.substring(colon + 1);
    long value;
    try {
      value =
          number.startsWith("0x")
              ? Long.parseUnsignedLong(number, 2, number.length(), 16)
              : Long.parseUnsignedLong(number);
    } catch (NumberFormatException e) {
      throw new IllegalArgumentException("'%s': '%s' is no number".formatted(text, number), e);
    }
    if (kind.equals("mmio")) {
      return new MmioAddress(value);
    }
    if (value < 0 || value > 0xffff) {
      throw new IllegalArgumentException(
          "'%s' is no port, which are 0 to 0xffff".formatted(number));
    }
    return new IoPort((int) value);
  }
}
