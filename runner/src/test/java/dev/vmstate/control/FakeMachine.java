package dev.vmstate.control;

import dev.vmstate.machine.MachineControl;
import dev.vmstate.machine.MachineInfo;
import dev.vmstate.machine.StopReason;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/** Keeps a machine's states as the interface says, without a guest. */
final class FakeMachine implements MachineControl {
  private StopReason.Kind kind = StopReason.Kind.READY;
  private boolean running;

  @Override
  public synchronized State state() {
    return running ? State.RUNNING : kind.state();
  }

  @Override
  public synchronized void resume() throws IOException {
    if (state() == State.ENDED) {
      throw new IOException("ended");
    }
    running = true;
    notifyAll();
  }

  @Override
  public synchronized void pause() {
    if (running) {
      stop(StopReason.Kind.REQUESTED);
    }
  }

  /** As a guest that halts, or meets a condition. */
  synchronized void stop(StopReason.Kind why) {
    running = false;
    kind = why;
    notifyAll();
  }

  @Override
  public synchronized void snapshot(Path directory) throws IOException {
    if (state() != State.PAUSED) {
      throw new IOException("not paused");
    }
    Files.createDirectory(directory);
  }

  @Override
  public synchronized MachineInfo info() {
    Map<String, Long> registers = running ? Map.of() : Map.of("rip", 0x100cL);
    return new MachineInfo(
        state(),
        new StopReason(kind, 0, "it stopped", List.of()),
        1 << 20,
        false,
        7,
        List.of(new MachineInfo.Vcpu(0, "real16", false, registers)));
  }

  @Override
  public synchronized StopReason await() throws InterruptedException {
    while (running) {
      wait();
    }
    return info().stop();
  }

  @Override
  public synchronized StopReason awaitEnd() throws InterruptedException {
    while (state() != State.ENDED) {
      wait();
    }
    return info().stop();
  }

  @Override
  public void close() {
    stop(StopReason.Kind.CLOSED);
  }
}
