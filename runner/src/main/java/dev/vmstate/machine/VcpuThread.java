package dev.vmstate.machine;

import dev.vmstate.kvm.KvmException;
import dev.vmstate.kvm.VcpuFd;
import java.io.IOException;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;

/**
 * A vCPU and the thread it belongs to: everything that is done with the vCPU is done there, for the
 * kernel would have any other thread wait, and pay for changing hands.
 *
 * <p>While it stands it is between two instructions, except that an input it came to (IN, a load
 * from MMIO) is not done: {@code rip} is on that instruction, which is done again by whoever goes
 * on from the saved registers. Here it goes on where it was.
 */
final class VcpuThread {
  /** Something to be done with the vCPU by its thread. */
  interface Task<T> {
    T with(VcpuFd vcpu) throws IOException;
  }

  private final int index;
  private final VcpuFd fd;
  private final VcpuExits exits;
  private final RunState state;
  private final Thread thread;
  private final Deque<Runnable> tasks = new ArrayDeque<>();
  private boolean wanted;
  private boolean closing;

  VcpuThread(int index, VcpuFd fd, VcpuExits exits, RunState state) {
    this.index = index;
    this.fd = fd;
    this.exits = exits;
    this.state = state;
    this.thread = new Thread(this::main, "vcpu-" + index);
    thread.setDaemon(true);
    thread.start();
  }

  int index() {
    return index;
  }

  /** What it did at its exits. */
  VcpuExits exits() {
    return exits;
  }

  private void main() {
    while (true) {
      Runnable next;
      synchronized (this) {
        while (tasks.isEmpty() && !wanted && !closing) {
          try {
            wait();
          } catch (InterruptedException e) {
            // Nobody interrupts this thread to tell it something.
            continue;
          }
        }
        next = tasks.poll();
        if (next == null && closing) {
          return;
        }
        if (next == null) {
          wanted = false;
        }
      }
      if (next != null) {
        next.run();
      } else {
        guest();
      }
    }
  }

  private void guest() {
    try {
      fd.exit().immediateExit(false);
      exits.again();
      while (!state.stopWanted() && !exits.halted()) {
        if (fd.run()) {
          exits.serve();
        }
      }
      exits.settle();
    } catch (IOException | RuntimeException e) {
      state.stop(exits.failed(e));
    } finally {
      state.stands();
    }
  }

  /** Lets it run until {@link RunState#stopWanted}. */
  synchronized void go() {
    wanted = true;
    notifyAll();
  }

  /** Gets it out of the guest; where it waits for input it looks up by itself. */
  void kick() throws KvmException {
    fd.kick();
  }

  /** Does something with the vCPU, which stands, and waits until it is done. */
  <T> T call(Task<T> task) throws IOException {
    CompletableFuture<T> done = new CompletableFuture<>();
    synchronized (this) {
      if (closing) {
        throw new IOException("the machine is closed");
      }
      tasks.add(
          () -> {
            try {
              done.complete(task.with(fd));
            } catch (IOException | RuntimeException e) {
              done.completeExceptionally(e);
            }
          });
      notifyAll();
    }
    boolean interrupted = false;
    try {
      while (true) {
        try {
          return done.get();
        } catch (InterruptedException e) {
          interrupted = true;
        } catch (ExecutionException e) {
          Throwable cause = e.getCause();
          if (cause instanceof IOException failure) {
            throw failure;
          }
          throw new IllegalStateException(cause);
        }
      }
    } finally {
      if (interrupted) {
        Thread.currentThread().interrupt();
      }
    }
  }

  /** Ends the thread; the vCPU stands. */
  void close() {
    synchronized (this) {
      closing = true;
      notifyAll();
    }
    boolean interrupted = false;
    while (thread.isAlive()) {
      try {
        thread.join();
      } catch (InterruptedException e) {
        interrupted = true;
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }
}
