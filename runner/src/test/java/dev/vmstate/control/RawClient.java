package dev.vmstate.control;

import java.io.ByteArrayOutputStream;
import java.io.Closeable;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;

/** A client that sends what it likes. */
final class RawClient implements Closeable {
  private final SocketChannel channel = SocketChannel.open(StandardProtocolFamily.UNIX);

  RawClient(Path socket) throws IOException {
    channel.connect(UnixDomainSocketAddress.of(socket));
  }

  RawClient send(String text) throws IOException {
    return send(text.getBytes(StandardCharsets.ISO_8859_1));
  }

  RawClient send(byte[] bytes) throws IOException {
    ByteBuffer left = ByteBuffer.wrap(bytes);
    while (left.hasRemaining()) {
      channel.write(left);
    }
    return this;
  }

  RawClient end() throws IOException {
    channel.shutdownOutput();
    return this;
  }

  /** One answer: its head, and as much of a body as that says. */
  String answer() throws IOException {
    StringBuilder text = new StringBuilder();
    while (text.indexOf("\r\n\r\n") < 0) {
      text.append(one());
    }
    int at = text.indexOf("Content-Length: ");
    int length = 0;
    if (at >= 0) {
      int from = at + "Content-Length: ".length();
      length = Integer.parseInt(text.substring(from, text.indexOf("\r\n", from)));
    }
    for (int i = 0; i < length; i++) {
      text.append(one());
    }
    return text.toString();
  }

  private char one() throws IOException {
    ByteBuffer one = ByteBuffer.allocate(1);
    if (channel.read(one) < 0) {
      throw new IOException("the server hung up");
    }
    return (char) one.get(0);
  }

  /** All there is until the server hangs up. */
  String rest() throws IOException {
    ByteArrayOutputStream all = new ByteArrayOutputStream();
    ByteBuffer some = ByteBuffer.allocate(1 << 12);
    while (channel.read(some.clear()) >= 0) {
      all.write(some.array(), 0, some.position());
    }
    return all.toString(StandardCharsets.ISO_8859_1);
  }

  @Override
  public void close() throws IOException {
    channel.close();
  }
}
