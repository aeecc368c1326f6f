package dev.vmstate.cli;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.vmstate.control.ApiServer;
import dev.vmstate.control.MachineApi;
import dev.vmstate.control.MachineFacts;
import dev.vmstate.control.MachineSession;
import dev.vmstate.machine.MachineControl;
import dev.vmstate.machine.MachineInfo;
import dev.vmstate.machine.StopReason;
import java.io.IOException;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/** A guest from its first instruction here to its last: what 'run' and 'resume' have in common. */
final class GuestRun {
  private final GuestFlags flags;
  private final Output output;
  private final GuestStreams streams;
  private final MachineSession session;
  private @Nullable Path saved;

  GuestRun(GuestFlags flags, Output output, GuestStreams streams, MachineControl machine) {
    this.flags = flags;
    this.output = output;
    this.streams = streams;
    this.session = new MachineSession(machine);
  }

  /**
   * Runs it until it ends or nobody can go on with it.
   *
   * @param go whether it starts running
   * @return the exit status
   */
  int run(boolean go) throws IOException, InterruptedException {
    Path api = flags.api;
    ApiServer server = api == null ? null : MachineApi.serve(api, session, Main.VERSION);
    try (server;
        GuestSignals signals = new GuestSignals(session, api != null || flags.snapshot != null)) {
      if (go) {
        session.resume();
      } else if (api != null) {
        note("paused: %s; 'vmstate ctl %s resume' lets it run".formatted(where(), api));
      } else {
        note("it loads, and stands paused: %s; --run goes on".formatted(where()));
      }
      StopReason last = follow(signals);
      return finish(last, signals);
    }
  }

  private StopReason follow(GuestSignals signals) throws IOException, InterruptedException {
    while (true) {
      long seen = session.resumes();
      StopReason stop = session.awaitStop();
      if (session.isEnding() || session.state() == MachineControl.State.ENDED) {
        return stop;
      }
      if (session.state() == MachineControl.State.RUNNING || session.resumes() != seen) {
        continue; // somebody was quicker
      }
      paused(stop, signals.takePaused());
      if (!stays() || signals.ends()) {
        return stop;
      }
      session.awaitChange(seen);
    }
  }

  /** Whether somebody may go on with a paused guest, or end it. */
  private boolean stays() throws IOException {
    if (flags.api != null) {
      return true;
    }
    return saved == null && session.info().stop().kind() == StopReason.Kind.REQUESTED;
  }

  private void paused(StopReason stop, String signal) throws IOException {
    boolean condition = stop.kind() == StopReason.Kind.CONDITION;
    if (signal.isEmpty() && !condition) {
      return; // by the socket, whose client knows; or not yet run
    }
    note("paused %s: %s".formatted(condition ? "(" + stop.text() + ")" : "by " + signal, where()));
    save();
    if (flags.api != null) {
      note("'vmstate ctl %s resume' goes on, Ctrl-C ends".formatted(flags.api));
    } else if (saved == null && !condition) {
      note("Ctrl-C ends it; --snapshot DIR would have saved it");
    }
  }

  private void save() throws IOException {
    Path directory = flags.snapshot;
    if (directory == null || saved != null) {
      return;
    }
    try {
      session.snapshot(directory);
    } catch (IllegalStateException e) {
      note("%s: not saved: %s".formatted(directory, e.getMessage()));
      return;
    } catch (IOException e) {
      if (flags.api == null) {
        throw e;
      }
      note("not saved: " + e.getMessage());
      return;
    }
    saved = directory;
    note("saved as %s; 'vmstate resume %s --run' goes on".formatted(directory, directory));
  }

  private int finish(StopReason stop, GuestSignals signals) throws IOException {
    MachineInfo info = session.info();
    int status = signals.status();
    switch (stop.kind()) {
      case HALTED -> note("halted: %s".formatted(where()));
      case SHUTDOWN, FAILED -> status = 1;
      default -> {
        if (!signals.endedBy().isEmpty()) {
          note("ended by %s: %s".formatted(signals.endedBy(), where()));
        }
      }
    }
    if (status == 1) {
      startLine(true);
      output.err().println("vmstate: " + stop.text());
      stop.details().forEach(output.err()::println);
    } else if (flags.snapshot != null && saved == null) {
      note("%s was not written: it never paused".formatted(flags.snapshot));
    }
    report(info, status);
    return status;
  }

  private void report(MachineInfo info, int status) {
    if (output.json) {
      ObjectNode facts = MachineFacts.of(info);
      facts.put("status", status);
      if (saved != null) {
        facts.put("snapshot", saved.toString());
      }
      String serial = streams.text();
      if (serial != null) {
        facts.put("serial", serial);
        facts.put("serial_dropped", streams.dropped());
      }
      output.print(facts);
    } else if (flags.registers) {
      startLine(false);
      MachineText.registers(info, output.out());
    }
  }

  private String where() throws IOException {
    return MachineText.where(session.info());
  }

  private void note(String text) {
    if (!output.quiet) {
      startLine(true);
      output.err().println("vmstate: " + text);
    }
  }

  private void startLine(boolean onStandardError) {
    if (streams.midLine(onStandardError)) {
      (onStandardError ? output.err() : output.out()).println();
      streams.newLine();
    }
  }
}
