package dev.vmstate.machine;

import dev.vmstate.kvm.Kvm;
import dev.vmstate.kvm.VmFd;
import dev.vmstate.kvmdir.MachineConfig;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/** A machine and what it holds open. */
final class KvmMachine implements MachineControl {
  /** How long output may stay in a buffer. */
  private static final long FLUSH_MILLIS = 50;

  private final Parts parts;
  private final Board board;
  private final MachineConfig config;
  private final RunState state;
  private final PauseChecks checks;
  private final List<VcpuThread> vcpus;
  private final Optional<InputPump> input;
  private final ScheduledExecutorService clock;
  private @Nullable ScheduledFuture<?> alarm;
  private boolean started;
  private boolean closed;

  KvmMachine(Parts parts, List<VcpuThread> vcpus, Console console) {
    this.parts = parts;
    this.board = parts.board();
    this.config = parts.config();
    this.state = parts.state();
    this.checks = parts.checks();
    this.vcpus = List.copyOf(vcpus);
    this.input = board.serial().map(serial -> new InputPump(serial, console.input()));
    ScheduledThreadPoolExecutor executor =
        new ScheduledThreadPoolExecutor(
            1,
            task -> {
              Thread thread = new Thread(task, "machine-clock");
              thread.setDaemon(true);
              return thread;
            });
    executor.setRemoveOnCancelPolicy(true);
    this.clock = executor;
    state.vcpus(vcpus);
  }

  /** What a machine is made of. */
  record Parts(
      Kvm kvm,
      VmFd vm,
      KernelDevices kernel,
      GuestRam ram,
      Board board,
      MachineConfig config,
      RunState state,
      PauseChecks checks) {}

  @Override
  public State state() {
    return state.state();
  }

  @Override
  public synchronized void resume() throws IOException {
    if (state.state() == State.RUNNING) {
      return;
    }
    if (state.state() == State.ENDED) {
      throw new IOException("the machine has ended: " + state.reason().text());
    }
    board.release();
    parts.kernel().resume();
    if (!started) {
      started = true;
      input.ifPresent(InputPump::start);
      clock.scheduleWithFixedDelay(this::flush, FLUSH_MILLIS, FLUSH_MILLIS, TimeUnit.MILLISECONDS);
    }
    checks.start();
    cancelAlarm();
    state.start();
    if (checks.after().isPresent()) {
      Duration after = checks.after().get();
      String text = "ran for %s".formatted(after.toString().substring(2).toLowerCase(Locale.ROOT));
      alarm =
          clock.schedule(
              () -> state.stop(StopReason.of(StopReason.Kind.CONDITION, text)),
              after.toNanos(),
              TimeUnit.NANOSECONDS);
    }
  }

  private void cancelAlarm() {
    if (alarm != null) {
      alarm.cancel(false);
      alarm = null;
    }
  }

  private void flush() {
    try {
      board.flush();
    } catch (IOException e) {
      state.stop(StopReason.failed("output", e));
    }
  }

  @Override
  public void pause() throws IOException {
    if (state.state() != State.RUNNING) {
      return;
    }
    state.stop(StopReason.of(StopReason.Kind.REQUESTED, "paused"));
    state.awaitQuietly();
    StopReason reason = state.reason();
    if (reason.kind() == StopReason.Kind.FAILED) {
      throw new IOException(reason.text());
    }
  }

  @Override
  public synchronized void snapshot(Path directory) throws IOException {
    if (closed || state.state() == State.RUNNING) {
      throw new IOException(
          "%s: not saved, the machine %s".formatted(directory, closed ? "is closed" : "runs"));
    }
    new MachineSave(parts, vcpus, parts.kernel().state()).to(directory);
  }

  @Override
  public synchronized MachineInfo info() throws IOException {
    boolean readable = state.state() != State.RUNNING && !closed;
    List<MachineInfo.Vcpu> all = new ArrayList<>();
    long exits = 0;
    for (VcpuThread vcpu : vcpus) {
      all.add(VcpuInfo.of(vcpu, readable));
      exits += vcpu.exits().count();
    }
    return new MachineInfo(
        state.state(), state.reason(), config.memory(), config.irqchip(), exits, all);
  }

  @Override
  public StopReason await() throws InterruptedException {
    return state.await();
  }

  @Override
  public StopReason awaitEnd() throws InterruptedException {
    return state.awaitEnd();
  }

  @Override
  public synchronized void close() {
    if (closed) {
      return;
    }
    closed = true;
    StopReason why = StopReason.of(StopReason.Kind.CLOSED, "closed");
    state.stop(why);
    state.awaitQuietly();
    state.end(why);
    cancelAlarm();
    clock.shutdownNow();
    input.ifPresent(InputPump::stop);
    vcpus.forEach(VcpuThread::close);
    parts.vm().close();
    parts.ram().close();
    parts.kvm().close();
  }
}
