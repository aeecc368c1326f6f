package dev.vmstate.compress;

import dev.vmstate.bytes.FormatException;
import dev.vmstate.bytes.OpenSource;
import dev.vmstate.bytes.Progress;
import dev.vmstate.bytes.UnsupportedFormatException;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * Bytes that come from front to back: a decompressor's, a pipe's. The front and a window of the
 * latest bytes are kept and can be read again, so that who reads in order may look back at the
 * device state behind RAM. What has left the window is read from the front once more where that can
 * be done, which is slow; or everything is put into a file first ({@link #spill}), and this is a
 * source like any other.
 *
 * <p>Not thread-safe.
 */
public final class ForwardSource implements OpenSource {
  private static final int SHIFT = 16;

  /** What a pipe holds, and what a decompressor makes at once. */
  private static final int CHUNK = 1 << SHIFT;

  private static final int MASK = CHUNK - 1;

  private static final int PER_MIB = 1 << 20 >> SHIFT;

  /** Chunks at the front that are kept: the list of RAM blocks may have more than one MiB. */
  private static final int HEAD = 2 * PER_MIB;

  /** MiB that are kept. The device state of the largest guest tried is a third of it. */
  private static final int WINDOW = 48;

  private static final int SPILL_STEP = 1 << 20;

  /** Kept before the place that {@link #reachEnd} is asked for. */
  private static final int SLACK = 1 << 16;

  private final String name;
  private final Feed feed;
  private byte[][] chunks;
  private long[] held;
  private Path scratch = Path.of("/var/tmp");
  private @Nullable InputStream in;
  private boolean opened;

  /** Bytes read and stored. */
  private long front;

  private long size = UNKNOWN_SIZE;
  private long most = UNKNOWN_SIZE;
  private long mostSpilled = UNKNOWN_SIZE;
  private String why = "";
  private @Nullable SpillFile spilled;
  private @Nullable IOException failed;

  /** {@code name}: of these bytes, in errors. */
  public ForwardSource(String name, Feed feed) {
    this(name, feed, WINDOW);
  }

  /** The same with another window; {@code window} in MiB, at least 1. */
  public ForwardSource(String name, Feed feed, int window) {
    this.name = name;
    this.feed = feed;
    this.chunks = new byte[HEAD + window * PER_MIB][];
    this.held = new long[chunks.length];
    Arrays.fill(held, -1);
  }

  @Override
  public String name() {
    return name;
  }

  @Override
  public long size() {
    return size;
  }

  /** Until it was {@link #spill}ed. */
  @Override
  public boolean forward() {
    return spilled == null;
  }

  /** Whether what has passed can be had again. */
  public boolean again() {
    return spilled != null || feed.again();
  }

  /** Where {@link #jump} spills to; best beside the file that is written. */
  public void scratch(Path directory) {
    scratch = directory;
  }

  /** Keeps next to nothing from now on: somebody else keeps what becomes of it. */
  public void narrow() {
    if (front > (long) HEAD << SHIFT) {
      throw new IllegalStateException("0x%x bytes were read already".formatted(front));
    }
    chunks = Arrays.copyOf(chunks, HEAD + 1);
    held = Arrays.copyOf(held, HEAD + 1);
  }

  /**
   * Spills, unless the window has those bytes, or they are still to come and nothing has passed.
   */
  @Override
  public void jump(long offset) throws IOException {
    if (spilled == null && !(offset < front && held[slot(offset)] == offset >> SHIFT)) {
      spill(Progress.NONE);
    }
  }

  /** Bytes of the file that were read for what was read of this. */
  public long consumed() {
    return feed.consumed();
  }

  /**
   * Gives up when there are more bytes: a few may decompress to any number of them, and a pipe need
   * not end.
   *
   * @param bytes that are read
   * @param spilledBytes that are put on disk
   * @param reason why so many cannot be right, for the error
   */
  public void limit(long bytes, long spilledBytes, String reason) {
    most = bytes;
    mostSpilled = spilledBytes;
    why = reason;
  }

  @Override
  public void read(long offset, ByteBuffer into) throws IOException {
    int wanted = into.remaining();
    int got = readSome(offset, into);
    if (got < wanted) {
      throw new EOFException(
          "%s: 0x%x+0x%x is past the end 0x%x".formatted(name, offset, wanted, size));
    }
  }

  @Override
  public int readSome(long offset, ByteBuffer into) throws IOException {
    if (offset < 0) {
      return 0;
    }
    SpillFile file = spilled;
    if (file != null) {
      return file.read(offset, into);
    }
    int done = 0;
    while (into.hasRemaining() && reach(offset + done)) {
      long at = offset + done;
      int slot = slot(at);
      byte[] chunk = chunks[slot];
      int part = (int) Math.min(into.remaining(), Math.min(CHUNK - (at & MASK), front - at));
      into.put(chunk, (int) at & MASK, part);
      done += part;
    }
    return done;
  }

  /** Makes the byte at {@code at} stand in its chunk; false when there is none. */
  private boolean reach(long at) throws IOException {
    if (at >= size) {
      return false;
    }
    if (at < front && held[slot(at)] != at >> SHIFT || in == null && opened && at >= front) {
      restart(at);
    }
    while (front <= at) {
      if (!more()) {
        return false;
      }
    }
    return true;
  }

  private int slot(long at) {
    long chunk = at >> SHIFT;
    return (int) (chunk < HEAD ? chunk : HEAD + (chunk - HEAD) % (chunks.length - HEAD));
  }

  private void restart(long at) throws IOException {
    if (!feed.again()) {
      throw new UnsupportedFormatException(
          name,
          at,
          "these bytes came through a pipe and have passed: save the snapshot to a file, and name"
              + " that");
    }
    closeInput();
    opened = false;
    front = 0;
    Arrays.fill(held, -1);
  }

  private InputStream input() throws IOException {
    InputStream input = in;
    if (input == null) {
      input = feed.open();
      in = input;
      opened = true;
    }
    return input;
  }

  private boolean more() throws IOException {
    if (failed != null) {
      throw failed;
    }
    try {
      return store();
    } catch (IOException e) {
      failed = e;
      throw e;
    }
  }

  private boolean store() throws IOException {
    int slot = slot(front);
    int at = (int) front & MASK;
    byte[] chunk = chunks[slot];
    if (chunk == null) {
      chunk = new byte[CHUNK];
      chunks[slot] = chunk;
    }
    held[slot] = front >> SHIFT;
    int got = input().read(chunk, at, CHUNK - at);
    if (got < 0) {
      size = front;
      return false;
    }
    front += got;
    checkLimit(front, most);
    return true;
  }

  private void checkLimit(long bytes, long limit) throws FormatException {
    if (bytes > limit) {
      throw new FormatException(name, limit, why);
    }
  }

  /** Reads on to the end, unless the window has no room for all that stands from there on. */
  @Override
  public boolean reachEnd(long from) throws IOException {
    long first = Math.max(0, from - SLACK) & -CHUNK;
    long limit = first + ((long) chunks.length - HEAD << SHIFT);
    while (size == UNKNOWN_SIZE && front < limit) {
      if (!more()) {
        break;
      }
    }
    return spilled != null || size <= limit;
  }

  /**
   * Reads what is left, so that its checksums are checked and whoever writes into a pipe is not
   * stopped; no more than {@link #limit} allows, since what follows a stream is nothing to fail
   * for. The window stays as it is.
   */
  public void finish() throws IOException {
    if (spilled != null || size != UNKNOWN_SIZE) {
      return;
    }
    byte[] scratch = new byte[CHUNK];
    long at = front;
    for (int got = 0; got >= 0 && at < most; got = input().read(scratch)) {
      at += got;
    }
    size = at;
    closeInput();
    feed.finish();
  }

  /**
   * Puts everything into a file without a name in the {@link #scratch} directory, in which zeros
   * take no room; from then on every read is quick, and {@link #spilled} can be written to. The
   * file is gone when this is closed, or the program ends in whatever way.
   */
  public void spill(Progress progress) throws IOException {
    if (spilled != null) {
      return;
    }
    boolean fromFront = front > 0;
    if (front > (long) HEAD << SHIFT) {
      restart(0);
      fromFront = false;
    }
    SpillFile file = new SpillFile(scratch, name);
    try {
      if (fromFront) {
        for (long at = 0; at < front; at += CHUNK) {
          file.append(chunks[slot(at)], (int) Math.min(CHUNK, front - at));
        }
      }
      byte[] step = new byte[SPILL_STEP];
      for (int got = fill(step); got > 0; got = fill(step)) {
        file.append(step, got);
        checkLimit(file.size(), mostSpilled);
        progress.at(consumed());
      }
      size = file.finish();
      spilled = file;
    } finally {
      if (spilled == null) {
        file.close();
      }
      closeInput();
      Arrays.fill(chunks, null);
    }
  }

  private int fill(byte[] step) throws IOException {
    int filled = 0;
    while (filled < step.length) {
      int got = input().read(step, filled, Math.min(CHUNK, step.length - filled));
      if (got < 0) {
        break;
      }
      filled += got;
    }
    return filled;
  }

  /** The file everything was put into. */
  public FileChannel spilled() {
    SpillFile file = spilled;
    if (file == null) {
      throw new IllegalStateException("nothing was spilled");
    }
    return file.channel();
  }

  private void closeInput() throws IOException {
    if (in != null) {
      in.close();
      in = null;
    }
  }

  @Override
  public void close() throws IOException {
    try {
      closeInput();
    } finally {
      if (spilled != null) {
        spilled.close();
      }
    }
  }
}
