package dev.vmstate.cli;

import dev.vmstate.machine.PauseCondition;
import dev.vmstate.machine.RunOptions;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.Option;
import picocli.CommandLine.TypeConversionException;

/** How a guest is run, whatever it is made of. */
final class GuestFlags {
  @Option(
      names = "--pause-at",
      paramLabel = "io:PORT|mmio:ADDR|hlt",
      converter = PauseAt.class,
      description =
          "Pause when the guest uses this port or address, or halts. Any number of times.")
  List<PauseCondition> pauses = new ArrayList<>();

  @Option(names = "--pause-after-exits", paramLabel = "N", description = "Pause after N exits.")
  @Nullable Long exits;

  @Option(
      names = "--pause-after",
      paramLabel = "TIME",
      converter = DurationConverter.class,
      description = "Pause after 500ms, 2s, 3min.")
  @Nullable Duration time;

  @Option(
      names = "--snapshot",
      paramLabel = "DIR",
      description =
          "When it pauses, at a condition or by a signal: save it as this new directory, and end;"
              + " with --api, stay.")
  @Nullable Path snapshot;

  @Option(
      names = "--api",
      paramLabel = "PATH",
      description =
          "Take orders on a new Unix socket of mode 0600: 'vmstate ctl PATH', or JSON over HTTP"
              + " with Cloud Hypervisor's paths. A paused guest stays.")
  @Nullable Path api;

  @Option(
      names = "--input",
      paramLabel = "FILE",
      description =
          "The serial line's input; - is standard input, and so it is without, if that is a pipe, a"
              + " file or a terminal: raw, but Ctrl-C, Ctrl-Z and Ctrl-\\ stay signals.")
  @Nullable String input;

  @Option(
      names = "--serial",
      paramLabel = "FILE",
      description = "The serial line's output; standard output without.")
  @Nullable Path serial;

  @Option(
      names = "--trace",
      paramLabel = "WHAT",
      split = ",",
      description = "Print each exit on standard error: io, mmio, hlt, other.")
  List<TraceText.Shown> trace = new ArrayList<>();

  @Option(names = "--registers", description = "Print the registers at the end.")
  boolean registers;

  /** What is refused before anything is started. */
  void check() throws IOException {
    if (snapshot != null && Files.exists(snapshot, LinkOption.NOFOLLOW_LINKS)) {
      throw new IOException(snapshot + ": it is there already, and is not replaced");
    }
    if (snapshot != null && !Files.isDirectory(snapshot.toAbsolutePath().resolveSibling("."))) {
      throw new IOException(snapshot + ": its directory does not exist");
    }
  }

  GuestStreams streams(Output output) throws IOException {
    return new GuestStreams(output, serial, input, !trace.isEmpty());
  }

  /** {@code cpus}: how many vCPUs there are. */
  RunOptions options(GuestStreams streams, int cpus, Output output) {
    List<PauseCondition> all = new ArrayList<>(pauses);
    if (exits != null) {
      all.add(new PauseCondition.ExitCount(exits));
    }
    if (time != null) {
      all.add(new PauseCondition.Duration(time));
    }
    RunOptions options = RunOptions.of(streams.console()).withPauses(all);
    return trace.isEmpty()
        ? options
        : options.withTrace(new TraceText(EnumSet.copyOf(trace), cpus > 1, output.err()));
  }

  private static final class PauseAt implements ITypeConverter<PauseCondition> {
    @Override
    public PauseCondition convert(String text) {
      try {
        return PauseCondition.parse(text);
      } catch (IllegalArgumentException e) {
        throw new TypeConversionException(e.getMessage());
      }
    }
  }
}
