package dev.vmstate.ram;

import java.nio.ByteBuffer;

/**
 * XBZRLE: what changed in a page since the stream last had it.
 *
 * <pre>
 * Delta ::= (unchanged run, changed run, that many bytes)*
 * run   ::= ULEB128 in one or two bytes
 * </pre>
 *
 * <p>Source: {@code migration/xbzrle.c}, xbzrle_decode_buffer. Only the first unchanged run may be
 * 0; what is unchanged up to the end of the page is not written.
 */
final class Xbzrle {
  private static final int MORE = 0x80;

  private final ByteBuffer delta;
  private final int end;
  private int at;

  private Xbzrle(ByteBuffer delta, int at, int length) {
    this.delta = delta;
    this.at = at;
    this.end = at + length;
  }

  /**
   * Applies a delta to a page.
   *
   * @param page as the stream had it; is as it is to be afterwards
   * @param delta holds {@code length} bytes of delta at {@code at}
   * @return whether it is a delta; if not, the page may be half changed
   */
  static boolean apply(byte[] page, ByteBuffer delta, int at, int length) {
    return new Xbzrle(delta, at, length).apply(page);
  }

  private boolean apply(byte[] page) {
    int done = 0;
    boolean first = true;
    while (at < end) {
      int unchanged = run();
      if (unchanged < 0 || unchanged == 0 && !first || unchanged > page.length - done) {
        return false;
      }
      done += unchanged;
      int changed = run();
      if (changed <= 0 || changed > page.length - done || changed > end - at) {
        return false;
      }
      delta.get(at, page, done, changed);
      at += changed;
      done += changed;
      first = false;
    }
    return true;
  }

  /** The next run's length, or -1 when there is none. */
  private int run() {
    if (at >= end) {
      return -1;
    }
    int low = delta.get(at++) & 0xff;
    if (low < MORE) {
      return low;
    }
    if (at >= end) {
      return -1;
    }
    int high = delta.get(at++) & 0xff;
    return high < MORE ? low & ~MORE | high << 7 : -1;
  }
}
