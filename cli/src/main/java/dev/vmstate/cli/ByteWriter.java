package dev.vmstate.cli;

import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintWriter;
import java.io.Writer;
import java.nio.charset.StandardCharsets;

/** A standard stream that takes text and, for a guest that prints what it likes, bytes. */
final class ByteWriter extends PrintWriter {
  private final OutputStream bytes;

  /**
   * @param text for words
   * @param bytes the same descriptor, unbuffered, with its errors: a PrintStream would swallow them
   */
  ByteWriter(OutputStream text, OutputStream bytes, boolean autoFlush) {
    super(text, autoFlush, StandardCharsets.UTF_8);
    this.bytes = bytes;
  }

  /**
   * Bytes for wherever {@code writer} goes; each a character of Latin-1 where that takes only text.
   */
  static OutputStream bytes(PrintWriter writer) {
    return writer instanceof ByteWriter both ? both.bytes : new Characters(writer);
  }

  /** Tests read what a command prints as text. */
  private static final class Characters extends OutputStream {
    private final Writer to;

    Characters(Writer to) {
      this.to = to;
    }

    @Override
    public void write(int b) throws IOException {
      to.write(b & 0xff);
    }

    @Override
    public void flush() throws IOException {
      to.flush();
    }
  }
}
