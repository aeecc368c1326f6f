package dev.vmstate.core.tasks;

import dev.vmstate.core.objects.KernelObject;
import java.io.IOException;
import java.util.Optional;

/**
 * The terminal a process was started from.
 *
 * @param name as ps has it, {@code ttyS0} or {@code pts/0}
 * @param number of the device, as the 7th field of {@code /proc/PID/stat}
 * @param foreground the process group that has the keyboard; 0 where none has
 */
public record ControllingTerminal(String name, long number, int foreground) {
  /** Of a process, if it has one. */
  public static Optional<ControllingTerminal> of(Task task) throws IOException {
    Optional<KernelObject> signal = task.signal();
    if (signal.isEmpty()) {
      return Optional.empty();
    }
    Optional<KernelObject> found = signal.get().follow("tty", "tty_struct");
    if (found.isEmpty()) {
      return Optional.empty();
    }
    KernelObject tty = found.get();
    Optional<KernelObject> driver = tty.follow("driver", "tty_driver");
    long number = 0;
    if (driver.isPresent()) {
      long minor = driver.get().number("minor_start") + tty.number("index");
      number = minor & 0xff | driver.get().number("major") << 8 | (minor & ~0xffL) << 12;
    }
    // 5.16 put what belongs to a controlling terminal together.
    Optional<KernelObject> group = tty.follow(tty.has("ctrl.pgrp") ? "ctrl.pgrp" : "pgrp", "pid");
    String name = tty.text("name");
    return Optional.of(
        new ControllingTerminal(
            name.matches("pts\\d+") ? "pts/" + name.substring(3) : name,
            number,
            group.isPresent() ? PidNumber.first(group.get()) : 0));
  }
}
