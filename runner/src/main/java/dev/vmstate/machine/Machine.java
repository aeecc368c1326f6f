package dev.vmstate.machine;

import dev.vmstate.container.FileSource;
import dev.vmstate.kvm.Mapping;
import dev.vmstate.kvmdir.KvmDirectory;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.function.Consumer;

/**
 * How machines are made.
 *
 * <p>Memory: RAM from 0 on, what is beyond 3 GiB from 4 GiB on. Without an irqchip all vCPUs begin
 * at the entry, each with its number in {@code rdi}; with one, vCPU 0 does and the others wait for
 * INIT and SIPI. What the first instruction finds is told by {@code BootArea} and {@code
 * BootRegisters}.
 */
public final class Machine {
  private static final int PAGE = 4096;
  private static final long MOST_MEMORY = 511L << 30;
  private static final int MOST_CPUS = 255;

  private Machine() {}

  /**
   * A machine with a file in its memory, paused before the first instruction.
   *
   * @throws IOException when there is no KVM, or the file does not fit
   * @throws IllegalArgumentException when there can be no such machine
   */
  public static MachineControl create(MachineOptions options, RunOptions run) throws IOException {
    check(options);
    // A pipe would have to be waited for, and a device has no length.
    if (Files.exists(options.payload()) && !Files.isRegularFile(options.payload())) {
      throw new IOException(options.payload() + ": is no regular file");
    }
    try (FileSource file = new FileSource(options.payload())) {
      Payload payload = Payload.read(file, options);
      try (MachineBuilder builder =
          new MachineBuilder(MachineBuilder.config(options, payload.mode()), run)) {
        GuestRam ram =
            builder.ram(new GuestRam(memory(options), GuestRam.ranges(options.memory())));
        payload.load(file, ram);
        BootArea area =
            payload.mode() == BootMode.REAL16
                ? null
                : BootArea.write(file.name(), payload, options.commandLine(), options.cpus(), ram);
        return builder.machine(
            new FirstInstruction(options, new BootRegisters(payload, area), builder.kvm())::set);
      }
    }
  }

  private static void check(MachineOptions options) {
    if (options.cpus() < 1 || options.cpus() > MOST_CPUS) {
      throw new IllegalArgumentException(
          "%d vCPUs, 1 to %d are possible".formatted(options.cpus(), MOST_CPUS));
    }
    if (options.memory() < PAGE || options.memory() > MOST_MEMORY || options.memory() % PAGE != 0) {
      throw new IllegalArgumentException(
          "0x%x bytes of memory, whole pages of 4K up to 511G are possible"
              .formatted(options.memory()));
    }
    int debug = options.debugPort();
    if (debug >= MachineOptions.SERIAL && debug < MachineOptions.SERIAL + Serial16550.PORTS) {
      throw new IllegalArgumentException(
          "debug port 0x%x: a port of the serial line".formatted(debug));
    }
    BootRegisters.check(options.registers());
    for (int i = 0; i < options.mmio().size(); i++) {
      MmioRange range = options.mmio().get(i);
      for (PhysicalRam.Range ram : GuestRam.ranges(options.memory())) {
        if (range.base() < ram.end() && ram.gpa() < range.end()) {
          throw new IllegalArgumentException(
              "MMIO 0x%x+0x%x: there is RAM from 0x%x to 0x%x"
                  .formatted(range.base(), range.size(), ram.gpa(), ram.end()));
        }
      }
      for (MmioRange other : options.mmio().subList(0, i)) {
        if (range.base() < other.end() && other.base() < range.end()) {
          throw new IllegalArgumentException(
              "MMIO 0x%x+0x%x overlaps 0x%x+0x%x"
                  .formatted(range.base(), range.size(), other.base(), other.size()));
        }
      }
    }
  }

  private static Mapping memory(MachineOptions options) throws IOException {
    if (options.memoryFile().isEmpty()) {
      return Mapping.anonymous(options.memory());
    }
    Path file = options.memoryFile().get();
    if (Files.exists(file) && Files.size(file) != options.memory()) {
      throw new IOException(
          "%s: 0x%x bytes, the machine's memory has 0x%x: give --memory its size"
              .formatted(file, Files.size(file), options.memory()));
    }
    return Mapping.shared(file, options.memory());
  }

  /**
   * The machine of a snapshot directory, paused where it was saved. The directory is only read, and
   * has to stay as long as the machine lives: its memory is mapped from there.
   *
   * @param notes told what of the state is not as it was, one line each: a device that is not
   *     there, a register that this host has not
   * @throws IOException when there is no KVM, or it refuses the state
   */
  public static MachineControl restore(Path directory, RunOptions run, Consumer<String> notes)
      throws IOException {
    try (KvmDirectory snapshot = KvmDirectory.open(directory)) {
      return new MachineRestore(snapshot, run, notes).machine();
    }
  }

  /** The same, for those who want no notes. */
  public static MachineControl restore(Path directory, RunOptions run) throws IOException {
    return restore(directory, run, note -> {});
  }
}
