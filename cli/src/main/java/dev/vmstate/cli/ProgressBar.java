package dev.vmstate.cli;

import dev.vmstate.bytes.ByteSource;
import dev.vmstate.bytes.Progress;
import java.io.PrintWriter;

/** One line that is written over: what, how much, how fast, how long still. */
final class ProgressBar implements Progress {
  private static final int CELLS = 28;
  private static final long EVERY_NANOS = 100_000_000;

  private final PrintWriter err;
  private String what = "";
  private long total;
  private long started;
  private long shown;

  ProgressBar(PrintWriter err) {
    this.err = err;
  }

  @Override
  public void start(String name, long bytes) {
    what = name.length() > 24 ? name.substring(0, 23) + "…" : name;
    total = bytes;
    started = System.nanoTime();
    shown = started;
  }

  @Override
  public void at(long done) {
    long now = System.nanoTime();
    if (done >= total) {
      if (shown != started) {
        err.print("\r\033[K");
        err.flush();
        shown = started;
      }
      return;
    }
    if (now - shown < EVERY_NANOS) {
      return;
    }
    shown = now;
    double seconds = (now - started) / 1e9;
    double rate = done / seconds;
    if (total == ByteSource.UNKNOWN_SIZE) {
      err.printf("\r%-24s %s  %s/s\033[K", what, Sizes.text(done), Sizes.text((long) rate));
      err.flush();
      return;
    }
    int full = (int) (CELLS * done / total);
    err.printf(
        "\r%-24s [%s%s] %3d%%  %s/s  %s left\033[K",
        what,
        "#".repeat(full),
        "-".repeat(CELLS - full),
        100 * done / total,
        Sizes.text((long) rate),
        Sizes.time((total - done) / Math.max(1, rate)));
    err.flush();
  }
}
