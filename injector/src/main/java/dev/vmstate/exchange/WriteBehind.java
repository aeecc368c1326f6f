package dev.vmstate.exchange;

import java.io.Closeable;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import org.jspecify.annotations.Nullable;

/**
 * Writes a file in a thread of its own, in the order the pieces come, so that reading and deciding
 * go on meanwhile. A few buffers go round; each is small enough to stay in the processor's cache.
 */
public final class WriteBehind implements Closeable {
  /** Bytes of a buffer. */
  public static final int BYTES = 1 << 17;

  private static final int BUFFERS = 8;

  /** {@code bytes} belong at {@code at}; the last piece has none to write and no place. */
  private record Piece(ByteBuffer bytes, long at) {
    static final long END = -1;
  }

  /** Writes all of {@code bytes} at {@code at}. */
  public interface Target {
    void write(ByteBuffer bytes, long at) throws IOException;
  }

  private final Target out;
  private final BlockingQueue<ByteBuffer> free = new ArrayBlockingQueue<>(BUFFERS);
  private final BlockingQueue<Piece> full = new ArrayBlockingQueue<>(BUFFERS + 1);
  private final Thread writer;
  private volatile @Nullable IOException failure;

  /** Starts the thread; the file stays the caller's. */
  public WriteBehind(Target out) {
    this.out = out;
    for (int i = 0; i < BUFFERS; i++) {
      free.add(ByteBuffer.allocateDirect(BYTES));
    }
    this.writer = new Thread(this::run, "write-behind");
    writer.setDaemon(true);
    writer.start();
  }

  private void run() {
    try {
      for (Piece piece = full.take(); piece.at() != Piece.END; piece = full.take()) {
        if (failure == null) {
          try {
            out.write(piece.bytes(), piece.at());
          } catch (IOException e) {
            failure = e;
          }
        }
        free.add(piece.bytes().clear());
      }
    } catch (InterruptedException e) {
      failure = new InterruptedIOException("writing was interrupted");
    }
  }

  /** An empty buffer to fill; give it to {@link #write} or {@link #giveBack}. */
  public ByteBuffer take() throws IOException {
    try {
      ByteBuffer buffer = free.take();
      check();
      return buffer;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new InterruptedIOException("writing was interrupted");
    }
  }

  /** Writes what is in the buffer, which must be flipped and is no longer the caller's. */
  public void write(ByteBuffer bytes, long at) {
    full.add(new Piece(bytes, at));
  }

  /** Takes back a buffer that is not needed after all. */
  public void giveBack(ByteBuffer buffer) {
    free.add(buffer.clear());
  }

  /**
   * Waits until everything is written. The caller must hold no buffer.
   *
   * @throws IOException what went wrong with any piece so far
   */
  public void drain() throws IOException {
    List<ByteBuffer> all = new ArrayList<>();
    for (int i = 0; i < BUFFERS; i++) {
      all.add(take());
    }
    free.addAll(all);
    check();
  }

  private void check() throws IOException {
    IOException failed = failure;
    if (failed != null) {
      throw new IOException(failed.getMessage(), failed);
    }
  }

  /** Ends the thread after what it was given; says nothing of failures, {@link #drain} does. */
  @Override
  public void close() throws IOException {
    full.add(new Piece(ByteBuffer.allocate(0), Piece.END));
    try {
      writer.join();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new InterruptedIOException("writing was interrupted");
    }
  }
}
