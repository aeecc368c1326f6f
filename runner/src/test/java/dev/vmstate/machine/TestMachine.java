package dev.vmstate.machine;

import dev.vmstate.fixtures.guests.GuestProgram;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;

/** A machine whose output is kept, and what tests ask of one. */
final class TestMachine implements AutoCloseable {
  private final MachineControl control;
  private final ByteArrayOutputStream out;

  private TestMachine(MachineControl control, ByteArrayOutputStream out) {
    this.control = control;
    this.out = out;
  }

  static InputStream text(String input) {
    return new ByteArrayInputStream(input.getBytes(StandardCharsets.ISO_8859_1));
  }

  private static RunOptions run(ByteArrayOutputStream out, InputStream in, PauseCondition... at) {
    return RunOptions.of(new Console(out, out, in)).withPauses(List.of(at));
  }

  static TestMachine create(MachineOptions options, String input, PauseCondition... at)
      throws IOException {
    return create(options, text(input), at);
  }

  static TestMachine create(MachineOptions options, InputStream input, PauseCondition... at)
      throws IOException {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    return new TestMachine(Machine.create(options, run(out, input, at)), out);
  }

  static TestMachine create(MachineOptions options, ExitTrace trace) throws IOException {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    return new TestMachine(Machine.create(options, run(out, text("")).withTrace(trace)), out);
  }

  static TestMachine restore(Path directory, String input, PauseCondition... at)
      throws IOException {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    return new TestMachine(Machine.restore(directory, run(out, text(input), at)), out);
  }

  /** A machine for bytes in hexadecimal digits. */
  static MachineOptions code(Path directory, BootMode mode, String hex) throws IOException {
    Path file = Files.write(directory.resolve("code.bin"), HexFormat.of().parseHex(hex));
    return MachineOptions.of(file).withMode(mode).withLoad(0x1000);
  }

  /** The machine that a guest wants. */
  static MachineOptions guest(Path directory, GuestProgram guest) throws IOException {
    MachineOptions options =
        MachineOptions.of(guest.writeTo(directory))
            .withMemory(guest.memory())
            .withCpus(guest.cpus())
            .withIrqchip(guest.irqchip());
    if (!guest.isElf()) {
      options =
          options
              .withMode(BootMode.of(guest.mode()))
              .withLoad(guest.load())
              .withEntry(guest.entry());
    }
    for (Map.Entry<String, Long> register : guest.registers().entrySet()) {
      options = options.withRegister(register.getKey(), register.getValue());
    }
    if (guest == GuestProgram.SIMPLE_MM) {
      options = options.withMmio(new MmioRange(0xd0000, 0x1000));
    } else if (guest == GuestProgram.CPL3) {
      options = options.withMmio(new MmioRange(0x10000000, 0x1000));
    }
    return options;
  }

  MachineControl control() {
    return control;
  }

  /** Lets it go on and waits until it stops. */
  StopReason go() throws IOException, InterruptedException {
    control.resume();
    return control.await();
  }

  /** What it has printed. */
  String printed() {
    return out.toString(StandardCharsets.ISO_8859_1);
  }

  long register(String name) throws IOException {
    return control.info().vcpus().get(0).registers().get(name);
  }

  /** All registers of all vCPUs. */
  List<Map<String, Long>> registers() throws IOException {
    List<Map<String, Long>> all = new ArrayList<>();
    control.info().vcpus().forEach(vcpu -> all.add(vcpu.registers()));
    return all;
  }

  @Override
  public void close() {
    control.close();
  }
}
