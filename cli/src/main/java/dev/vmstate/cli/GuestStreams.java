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
   * @param from of its input; null: standard input, if that is a terminal, a pipe or a file
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
    this.serial =
        new Serial(
            atOnce ? to : new BufferedOutputStream(to),
            file == null ? "standard output" : file.toString());
    this.debug = ByteWriter.bytes(output.err());
    boolean typed = from == null && output.out() instanceof ByteWriter;
    this.terminal = typed ? RawTerminal.open() : Optional.empty();
    if (terminal.isPresent() || "-".equals(from) || typed && piped()) {
      this.input = new FileInputStream(FileDescriptor.in);
    } else {
      this.input =
          from == null ? InputStream.nullInputStream() : Files.newInputStream(Path.of(from));
    }
  }

  /**
   * Whether somebody gives standard input something: what is no terminal may be {@code /dev/null},
   * or the terminal of a guest in the background, which is not asked.
   */
  private static boolean piped() {
    Path in = Path.of("/proc/self/fd/0");
    try {
      return Files.isRegularFile(in) || Files.readSymbolicLink(in).toString().startsWith("pipe:");
    } catch (IOException e) {
      return false; // closed
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
      if (!serial.failed) {
        serial.flush();
      }
    } finally {
      closeFile();
    }
  }

  private void closeFile() throws IOException {
    if (file == null) {
      return; // standard output and JSON's text are not ours to close
    }
    try {
      serial.close();
    } catch (IOException e) {
      if (!serial.failed) {
        throw e;
      }
    }
  }

  /** Remembers the last byte, and says what failed. */
  private static final class Serial extends OutputStream {
    private final OutputStream to;
    private final String name;
    private volatile int last = -1;
    private volatile boolean failed;

    Serial(OutputStream to, String name) {
      this.to = to;
      this.name = name;
    }

    @Override
    public void write(int b) throws IOException {
      try {
        to.write(b);
      } catch (IOException e) {
        throw failed(e);
      }
      last = b & 0xff;
    }

    @Override
    public void flush() throws IOException {
      try {
        to.flush();
      } catch (IOException e) {
        throw failed(e);
      }
    }

    private IOException failed(IOException e) {
      failed = true;
      return new IOException(
          "%s, which the serial line goes to: %s".formatted(name, e.getMessage()), e);
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
