package dev.vmstate.machine;

import dev.vmstate.kvm.KvmRun;
import dev.vmstate.kvm.VcpuFd;
import dev.vmstate.kvmstate.StateValue;
import java.io.IOException;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** What a vCPU does at its exits. By its thread, except the counts. */
final class VcpuExits {
  private static final int BYTE = 8;
  private static final int PAGE = 4096;

  private final int index;
  private final VcpuFd fd;
  private final KvmRun exit;
  private final Board board;
  private final PhysicalRam ram;
  private final RunState state;
  private final PauseChecks checks;
  private final @Nullable ExitTrace trace;
  private volatile long count;
  private volatile boolean halted;

  /** The exit that {@link KvmRun} tells of is an input that was not given yet. */
  private boolean pending;

  /** It ended the machine: nothing can be completed. */
  private boolean ended;

  /** Registers of a restored vCPU, until it is behind the instruction at which it stood. */
  private @Nullable StateValue restored;

  /** Where the load ended that it did again last; 0 before the first. */
  private long loadedTo;

  VcpuExits(
      int index,
      VcpuFd fd,
      Board board,
      PhysicalRam ram,
      RunState state,
      PauseChecks checks,
      @Nullable ExitTrace trace) {
    this.index = index;
    this.fd = fd;
    this.exit = fd.exit();
    this.board = board;
    this.ram = ram;
    this.state = state;
    this.checks = checks;
    this.trace = trace;
  }

  /** How many exits there were. */
  long count() {
    return count;
  }

  /** Whether it halted where nothing can wake it. */
  boolean halted() {
    return halted;
  }

  /**
   * It comes from a snapshot.
   *
   * @param regs where it stood: an input there is the one it was saved at, at which it does not
   *     stop again
   * @param isHalted whether it had halted where nothing could wake it
   */
  void restored(StateValue regs, boolean isHalted) {
    restored = regs;
    halted = isHalted;
  }

  /** Does the input it stands at, if there is one. */
  void again() throws IOException {
    if (pending) {
      pending = false;
      serve(false);
    }
  }

  /** Does what the exit asks for. */
  void serve() throws IOException {
    count++;
    serve(true);
  }

  private void serve(boolean pauses) throws IOException {
    boolean asked = pauses && !savedAt();
    boolean counted = asked && checks.exit();
    switch (exit.exitReason()) {
      case KvmRun.EXIT_IO -> io(asked, counted);
      case KvmRun.EXIT_MMIO -> mmio(asked, counted);
      case KvmRun.EXIT_HLT -> hlt(asked, counted);
      case KvmRun.EXIT_IRQ_WINDOW_OPEN -> other(counted);
      default -> {
        other(counted);
        ended = true;
        state.stop(VcpuFailure.of(index, fd, ram));
      }
    }
  }

  /**
   * Whether this is the input at which it was saved, done again: or the second half of a load that
   * crosses a page, whose first half was.
   */
  private boolean savedAt() throws IOException {
    StateValue regs = restored;
    if (regs == null) {
      return false;
    }
    boolean first = loadedTo == 0;
    boolean mmio = exit.exitReason() == KvmRun.EXIT_MMIO;
    boolean goesOn = mmio && (loadedTo & PAGE - 1) == 0 && (exit.mmioAddress() & PAGE - 1) == 0;
    if (!input() || !(first || goesOn) || !fd.regs().equals(regs)) {
      restored = null;
      return false;
    }
    loadedTo = mmio ? exit.mmioAddress() + exit.mmioLength() : 1;
    return true;
  }

  /** Ends the instruction, so that what the registers say is what a snapshot can go on from. */
  void settle() throws IOException {
    while (!ended && !pending && !fd.complete()) {
      count++;
      if (input()) {
        pending = true;
      } else {
        serve(false);
      }
    }
  }

  private boolean input() {
    return switch (exit.exitReason()) {
      case KvmRun.EXIT_IO -> !exit.ioOut();
      case KvmRun.EXIT_MMIO -> !exit.mmioWrite();
      default -> false;
    };
  }

  /** Whether to stop at an input or an output; then, whether it is still to be done. */
  private boolean leave(boolean output, String what) {
    if (output) {
      board.hold();
    }
    state.stop(
        new StopReason(
            StopReason.Kind.CONDITION, index, "vCPU %d %s".formatted(index, what), List.of()));
    pending = !output;
    return pending;
  }

  private static String bytes(int count) {
    return count == 1 ? "1 byte" : count + " bytes";
  }

  private void io(boolean pauses, boolean counted) throws IOException {
    int port = exit.ioPort();
    int size = exit.ioSize();
    int times = exit.ioCount();
    boolean out = exit.ioOut();
    if (counted || pauses && checks.port(port, size)) {
      String text =
          "%s port 0x%x, %s".formatted(out ? "writes" : "is to read", port, bytes(size * times));
      if (leave(out, text)) {
        return;
      }
    }
    if (out && times == 1) {
      long value = exit.ioValue();
      board.out(port, size, value);
      told(ExitTrace.Kind.IO, port, size, true, value);
    } else if (out) {
      outs(port, size, times);
    } else {
      ins(port, size, times);
    }
  }

  private void outs(int port, int size, int times) throws IOException {
    byte[] data = exit.ioData();
    for (int i = 0; i < times; i++) {
      long value = 0;
      for (int b = size; b-- > 0; ) {
        value = value << BYTE | data[i * size + b] & 0xff;
      }
      board.out(port, size, value);
      told(ExitTrace.Kind.IO, port, size, true, value);
    }
  }

  private void ins(int port, int size, int times) throws IOException {
    Serial16550 receiver = board.receiver(port);
    if (receiver != null && !arrived(receiver, times)) {
      pending = true;
      return;
    }
    if (times == 1) {
      long value = board.in(port, size);
      exit.ioValue(value);
      told(ExitTrace.Kind.IO, port, size, false, value);
      return;
    }
    byte[] data = new byte[size * times];
    for (int i = 0; i < times; i++) {
      long value = board.in(port, size);
      for (int b = 0; b < size; b++) {
        data[i * size + b] = (byte) (value >>> BYTE * b);
      }
      told(ExitTrace.Kind.IO, port, size, false, value);
    }
    exit.ioData(data);
  }

  /** Waits for bytes; false when it has to stop first. */
  private boolean arrived(Serial16550 receiver, int times) throws IOException {
    while (!receiver.ready(0, times)) {
      if (state.stopWanted()) {
        return false;
      }
      board.flush();
      try {
        receiver.awaitReady(0, times, state::stopWanted);
      } catch (InterruptedException e) {
        // Nobody interrupts this thread to tell it something; what there is to be told is asked.
        continue;
      }
    }
    return true;
  }

  private void mmio(boolean pauses, boolean counted) throws IOException {
    long address = exit.mmioAddress();
    int size = exit.mmioLength();
    boolean write = exit.mmioWrite();
    if (counted || pauses && checks.address(address, size)) {
      String text =
          "%s MMIO 0x%x, %s"
              .formatted(write ? "stores to" : "is to load from", address, bytes(size));
      if (leave(write, text)) {
        return;
      }
    }
    long value;
    if (write) {
      value = exit.mmioValue();
      board.store(address, size, value);
    } else {
      value = board.load(address, size);
      exit.mmioValue(value);
    }
    told(ExitTrace.Kind.MMIO, address, size, write, value);
  }

  private void hlt(boolean pauses, boolean counted) {
    told(ExitTrace.Kind.HLT, 0, 0, false, 0);
    boolean behind = pauses && checks.halt();
    if (counted || behind) {
      leave(true, "halts");
    }
    halted = !behind;
  }

  private void other(boolean counted) {
    told(ExitTrace.Kind.OTHER, exit.exitReason(), 0, false, 0);
    if (counted) {
      leave(true, "has exit %d".formatted(exit.exitReason()));
    }
  }

  private void told(ExitTrace.Kind kind, long address, int size, boolean write, long value) {
    if (trace != null) {
      trace.exit(index, kind, address, size, write, value);
    }
  }

  /** What is said of the machine when serving an exit went wrong. */
  StopReason failed(Exception e) {
    ended = true;
    String text = e instanceof IOException ? e.getMessage() : e.toString();
    return new StopReason(
        StopReason.Kind.FAILED,
        index,
        "vCPU %d: %s".formatted(index, text),
        VcpuFailure.details(fd, ram));
  }
}
