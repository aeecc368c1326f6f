package dev.vmstate.machine;

import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicLong;

/** Conditions in a form that costs an exit nothing. */
final class PauseChecks {
  private final int[] ports;
  private final long[] addresses;
  private final boolean halt;
  private final long exits;
  private final Optional<Duration> after;
  private final AtomicLong left = new AtomicLong();

  PauseChecks(List<PauseCondition> conditions) {
    this.ports =
        conditions.stream()
            .filter(PauseCondition.IoPort.class::isInstance)
            .mapToInt(c -> ((PauseCondition.IoPort) c).port())
            .toArray();
    this.addresses =
        conditions.stream()
            .filter(PauseCondition.MmioAddress.class::isInstance)
            .mapToLong(c -> ((PauseCondition.MmioAddress) c).address())
            .toArray();
    this.halt = conditions.stream().anyMatch(PauseCondition.Halt.class::isInstance);
    this.exits =
        conditions.stream()
            .filter(PauseCondition.ExitCount.class::isInstance)
            .mapToLong(c -> ((PauseCondition.ExitCount) c).exits())
            .min()
            .orElse(0);
    this.after =
        conditions.stream()
            .filter(PauseCondition.Duration.class::isInstance)
            .map(c -> ((PauseCondition.Duration) c).after())
            .min(Duration::compareTo);
  }

  /** Counts from here. */
  void start() {
    left.set(exits);
  }

  Optional<Duration> after() {
    return after;
  }

  boolean port(int port, int size) {
    for (int wanted : ports) {
      if (wanted >= port && wanted < port + size) {
        return true;
      }
    }
    return false;
  }

  boolean address(long address, int size) {
    for (long wanted : addresses) {
      if (wanted - address >= 0 && wanted - address < size) {
        return true;
      }
    }
    return false;
  }

  boolean halt() {
    return halt;
  }

  /** Counts an exit; true for the one that was asked for. */
  boolean exit() {
    return exits > 0 && left.decrementAndGet() == 0;
  }

  long exits() {
    return exits;
  }
}
