package dev.vmstate.exchange;

import dev.vmstate.bytes.Progress;
import dev.vmstate.container.FileSource;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;

/**
 * Copies a whole file into an output. {@code cp} does it where it can: it knows reflinks,
 * copy_file_range and holes, none of which Java 17 offers. Where there is no such cp, blocks are
 * read and written, and blocks of zeros stay holes.
 */
public final class FileCopy {
  private static final int HOLE = 1 << 16;

  private FileCopy() {}

  /** Copies {@code source}; {@code target} is empty. */
  public static void copy(Path source, OutputFile target, Progress progress) throws IOException {
    try (FileSource file = new FileSource(source)) {
      progress.start("copying", file.size());
      if (!byTool(source, target, file.size(), progress)) {
        target.channel().truncate(0);
        byHand(file, 0, target, 0, progress);
      }
      progress.at(file.size());
    }
  }

  /**
   * Copies the bytes of {@code source} from {@code from} on to {@code to} in {@code target}, which
   * has nothing there yet. By hand: what moves by any number of bytes shares no blocks.
   */
  public static void copyFrom(Path source, long from, OutputFile target, long to, Progress progress)
      throws IOException {
    try (FileSource file = new FileSource(source)) {
      progress.start("copying", file.size());
      byHand(file, from, target, to, progress);
    }
  }

  /** Whether cp copied everything. */
  private static boolean byTool(Path source, OutputFile target, long size, Progress progress)
      throws IOException {
    Process cp;
    try {
      cp =
          new ProcessBuilder(
                  List.of(
                      "cp",
                      "--reflink=auto",
                      "--sparse=auto",
                      "--",
                      source.toAbsolutePath().toString(),
                      target.temporary().toAbsolutePath().toString()))
              .redirectErrorStream(true)
              .redirectOutput(ProcessBuilder.Redirect.DISCARD)
              .start();
    } catch (IOException e) {
      return false; // there is no cp
    }
    Thread atExit = new Thread(cp::destroy);
    Runtime.getRuntime().addShutdownHook(atExit);
    try {
      while (!cp.waitFor(100, TimeUnit.MILLISECONDS)) {
        progress.at(Math.min(size, target.channel().size()));
      }
      return cp.exitValue() == 0 && target.channel().size() == size;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException(source + ": the copy was interrupted", e);
    } finally {
      cp.destroy();
      try {
        Runtime.getRuntime().removeShutdownHook(atExit);
      } catch (IllegalStateException e) {
        // The program is ending already.
      }
    }
  }

  private static void byHand(
      FileSource file, long from, OutputFile target, long to, Progress progress)
      throws IOException {
    byte[] zeros = new byte[HOLE];
    try (WriteBehind behind = new WriteBehind(target::write)) {
      for (long at = from; at < file.size(); ) {
        ByteBuffer step = behind.take();
        int length = (int) Math.min(Math.min(HOLE, step.capacity()), file.size() - at);
        step.clear().limit(length);
        file.read(at, step);
        step.flip();
        boolean hole = length == HOLE && step.mismatch(ByteBuffer.wrap(zeros)) < 0;
        if (hole) {
          behind.giveBack(step);
        } else {
          behind.write(step, at - from + to);
        }
        at += length;
        progress.at(at);
      }
      behind.drain();
    }
    long end = file.size() - from + to;
    if (target.channel().size() < end) {
      target.write(ByteBuffer.allocate(1), end - 1);
    }
  }
}
