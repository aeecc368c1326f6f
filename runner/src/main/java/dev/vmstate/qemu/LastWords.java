package dev.vmstate.qemu;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/** Keeps the end of what a process prints, for error reports, and lets the process print on. */
final class LastWords {
  private static final int KEPT = 1 << 16;
  private static final int LINES = 4;

  private final byte[] ring = new byte[KEPT];
  private long written;
  private final Thread reader;

  LastWords(InputStream output) {
    reader = new Thread(() -> read(output), "qemu-output");
    reader.setDaemon(true);
    reader.start();
  }

  private void read(InputStream output) {
    byte[] part = new byte[1 << 12];
    try (output) {
      for (int got = output.read(part); got >= 0; got = output.read(part)) {
        keep(part, got);
      }
    } catch (IOException e) {
      // the process is gone: what it said until then is all there is
    }
  }

  private synchronized void keep(byte[] part, int length) {
    for (int i = 0; i < length; i++) {
      ring[(int) (written++ % KEPT)] = part[i];
    }
  }

  /** Waits until everything a process that has ended printed is here. */
  void finish() {
    try {
      reader.join(1000);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /** The kept text. */
  synchronized String text() {
    int length = (int) Math.min(written, KEPT);
    byte[] bytes = new byte[length];
    for (int i = 0; i < length; i++) {
      bytes[i] = ring[(int) ((written - length + i) % KEPT)];
    }
    return new String(bytes, StandardCharsets.UTF_8);
  }

  /**
   * The last lines on one, without the program's name in front of each.
   *
   * <p>Libraries chatter too (ALSA on a host without sound prints forty lines), so QEMU's own lines
   * count if there are any; its warnings (no KVM rights, a CPU feature TCG lacks) come at start and
   * explain no failure, so they count only when there is nothing else.
   */
  String oneLine() {
    List<String> all = new ArrayList<>();
    List<String> own = new ArrayList<>();
    List<String> errors = new ArrayList<>();
    for (String line : text().lines().toList()) {
      String said = line.strip();
      boolean prefixed = said.startsWith("qemu");
      if (prefixed && said.contains(": ")) {
        said = said.substring(said.indexOf(": ") + 2);
      }
      if (said.isEmpty() || said.startsWith("terminating on signal")) {
        continue;
      }
      all.add(said);
      if (prefixed) {
        own.add(said);
        if (!said.startsWith("warning: ") && !said.startsWith("info: ")) {
          errors.add(said);
        }
      }
    }
    List<String> told = !errors.isEmpty() ? errors : own.isEmpty() ? all : own;
    return String.join("; ", told.subList(Math.max(0, told.size() - LINES), told.size()));
  }
}
