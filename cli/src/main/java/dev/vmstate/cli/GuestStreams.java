package dev.vmstate.cli;

import dev.vmstate.machine.Console;
import dev.vmstate.terminal.RawTerminal;
import java.io.BufferedOutputStream;
import java.io.ByteArrayOutputStream;
import java.io.Closeable;
import java.io.FileDescriptor;
import java.io.FileInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Where a guest's serial line goes and comes from. Standard output is the guest's own, byte for
 * byte; only behind its last byte, on a line of their own, stand registers that were asked for.
 * JSON has standard output for itself: the serial line is a member of it then.
 */
final class GuestStreams implements Closeable {
  /** How much of the serial line JSON holds. */
  private static final int MOST = 1 << 20;

  private final @Nullable Capture capture;
  private final Serial serial;
  private final OutputStream debug;
  private final InputStream input;
  private final Optional<RawTerminal> terminal;
  private final @Nullable Path file;

  /**
   * @param file of the serial line; null: standard output, or JSON
   * @param from of its input; null: the terminal, if standard input is one
   * @param atOnce no byte waits for the next: lines of a trace stand between them
   */
  GuestStreams(Output output, @Nullable Path file, @Nullable String from, boolean atOnce)
      throws IOException {
    this.file = file;
    this.capture = file == null && output.json ? new Capture() : null;
    OutputStream to =
        file != null
            ? Files.newOutputStream(file)
            : capture != null ? capture : ByteWriter.bytes(output.out());
    output.out().flush();
    this.serial = new Serial(atOnce ? to : new BufferedOutputStream(to));
    this.debug = ByteWriter.bytes(output.err());
    boolean typed = from == null && output.out() instanceof ByteWriter;
    this.terminal = typed ? RawTerminal.open() : Optional.empty();
    if (terminal.isPresent() || "-".equals(from)) {
      this.input = new FileInputStream(FileDescriptor.in);
    } else {
      this.input =
          from == null ? InputStream.nullInputStream() : Files.newInputStream(Path.of(from));
    }
  }

  Console console() {
    return new Console(serial, debug, input);
  }

  /** What belongs in JSON of the serial line; null when it went elsewhere. */
  @Nullable String text() {
    return capture == null ? null : capture.kept.toString(StandardCharsets.ISO_8859_1);
  }

  /** Bytes that found no place there. */
  long dropped() {
    return capture == null ? 0 : capture.dropped;
  }

  /** Whether something that follows on the same terminal or file has to begin a new line. */
  boolean midLine(boolean onStandardError) {
    if (file != null
        || capture != null
        || onStandardError && !(Terminal.stdout() && Terminal.stderr())) {
      return false;
    }
    return serial.last >= 0 && serial.last != '\n';
  }

  /** Has begun a new line. */
  void newLine() {
    serial.last = '\n';
  }

  /** Puts the terminal back and closes the files. */
  @Override
  public void close() throws IOException {
    terminal.ifPresent(RawTerminal::close);
    try (input) {
      serial.flush();
    } finally {
      if (file != null) {
        serial.close();
      }
    }
  }

  /** Remembers the last byte. */
  private static final class Serial extends OutputStream {
    private final OutputStream to;
    private volatile int last = -1;

    Serial(OutputStream to) {
      this.to = to;
    }

    @Override
    public void write(int b) throws IOException {
      to.write(b);
      last = b & 0xff;
    }

    @Override
    public void write(byte[] bytes, int from, int length) throws IOException {
      to.write(bytes, from, length);
      if (length > 0) {
        last = bytes[from + length - 1] & 0xff;
      }
    }

    @Override
    public void flush() throws IOException {
      to.flush();
    }

    @Override
    public void close() throws IOException {
      to.close();
    }
  }

  /** Keeps the first bytes and counts the others. */
  private static final class Capture extends OutputStream {
    final ByteArrayOutputStream kept = new ByteArrayOutputStream();
    long dropped;

    @Override
    public void write(int b) {
      if (kept.size() < MOST) {
        kept.write(b);
      } else {
        dropped++;
      }
    }
  }
}
