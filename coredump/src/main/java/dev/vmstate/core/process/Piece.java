package dev.vmstate.core.process;

/**
 * Neighbouring pages of a process that come from the same place, one behind the other.
 *
 * @param virtual first address
 * @param bytes length, a multiple of 4096
 * @param physical guest-physical address of the first byte; {@link #NONE} where there is none
 * @param source where they are
 */
public record Piece(long virtual, long bytes, long physical, PageSource source) {
  /** No guest-physical address. */
  public static final long NONE = -1;

  /** Behind the last address. */
  public long end() {
    return virtual + bytes;
  }

  /** Told of pieces, by address. */
  public interface Visitor {
    void piece(Piece piece) throws java.io.IOException;
  }
}
