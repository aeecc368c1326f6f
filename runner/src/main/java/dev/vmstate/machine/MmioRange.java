package dev.vmstate.machine;

/** Guest-physical addresses that are a device which keeps what is stored, and starts as zeros. */
public record MmioRange(long base, long size) {
  /** The longest: its bytes stand in {@code state.json}. */
  public static final long MOST = 1 << 20;

  /** Checks that there are such addresses. */
  public MmioRange {
    if (size < 1 || size > MOST || base < 0 || base > Long.MAX_VALUE - size) {
      throw new IllegalArgumentException(
          "0x%x+0x%x is no range of MMIO, which have 1 to 0x%x bytes".formatted(base, size, MOST));
    }
  }

  /** The address behind the last. */
  public long end() {
    return base + size;
  }
}
