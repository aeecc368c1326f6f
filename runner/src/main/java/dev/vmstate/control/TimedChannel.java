package dev.vmstate.control;

import java.io.Closeable;
import java.io.IOException;
import java.net.SocketTimeoutException;
import java.nio.ByteBuffer;
import java.nio.channels.AsynchronousCloseException;
import java.nio.channels.CancelledKeyException;
import java.nio.channels.ClosedSelectorException;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.SocketChannel;
import java.util.concurrent.TimeUnit;

/**
 * A socket whose reads and writes end at a deadline, which Java's channels of Unix sockets do not
 * offer. Deadlines are of {@link System#nanoTime}. Closing it from another thread ends a wait.
 */
final class TimedChannel implements Closeable {
  private final SocketChannel channel;
  private final Selector selector;
  private final SelectionKey key;

  private TimedChannel(SocketChannel channel, Selector selector, SelectionKey key) {
    this.channel = channel;
    this.selector = selector;
    this.key = key;
  }

  /** Takes the channel over: it is closed when this fails, too. */
  static TimedChannel of(SocketChannel channel) throws IOException {
    Selector selector = null;
    try {
      channel.configureBlocking(false);
      selector = Selector.open();
      return new TimedChannel(channel, selector, channel.register(selector, 0));
    } catch (IOException e) {
      try (channel) {
        if (selector != null) {
          selector.close();
        }
      }
      throw e;
    }
  }

  /** Reads what there is, at least a byte; -1 at the end. */
  int read(ByteBuffer into, long deadline) throws IOException {
    int n = channel.read(into);
    while (n == 0) {
      await(SelectionKey.OP_READ, deadline);
      n = channel.read(into);
    }
    return n;
  }

  /** Writes all of it. */
  void write(ByteBuffer from, long deadline) throws IOException {
    channel.write(from);
    while (from.hasRemaining()) {
      await(SelectionKey.OP_WRITE, deadline);
      channel.write(from);
    }
  }

  /** The other side reads an end; it may still send. */
  void shutdownOutput() throws IOException {
    channel.shutdownOutput();
  }

  private void await(int what, long deadline) throws IOException {
    try {
      key.interestOps(what);
      long left = TimeUnit.NANOSECONDS.toMillis(deadline - System.nanoTime());
      if (left <= 0) {
        throw new SocketTimeoutException();
      }
      selector.select(left);
      selector.selectedKeys().clear();
    } catch (ClosedSelectorException | CancelledKeyException e) {
      throw new AsynchronousCloseException();
    }
  }

  @Override
  public void close() throws IOException {
    try (channel) {
      selector.close();
    }
  }
}
