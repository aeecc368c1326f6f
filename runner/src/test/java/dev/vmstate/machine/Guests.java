package dev.vmstate.machine;

import dev.vmstate.fixtures.guests.GuestProgram;
import java.io.ByteArrayOutputStream;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/** The guest programs of the fixtures, and a few bytes of code, as machines. */
final class Guests {
  private Guests() {}

  /** The machine that a guest wants, its file in that directory. */
  static MachineOptions of(GuestProgram guest, Path directory) throws Exception {
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
    return switch (guest) {
      case SIMPLE_MM -> options.withMmio(new MmioRange(0xd0000, 0x1000));
      case CPL3 -> options.withMmio(new MmioRange(0x10000000, 0x1000));
      default -> options;
    };
  }

  /** Code given as hexadecimal digits, at 0x1000 of 64 KiB. */
  static MachineOptions code(Path directory, BootMode mode, String hex) throws Exception {
    byte[] bytes = java.util.HexFormat.of().parseHex(hex.replace(" ", ""));
    return MachineOptions.of(Files.write(directory.resolve("code.bin"), bytes))
        .withMode(mode)
        .withLoad(0x1000)
        .withMemory(64 << 10);
  }

  /** Output into a buffer, no input. */
  static RunOptions into(ByteArrayOutputStream out, PauseCondition... pauses) {
    return RunOptions.of(
            new Console(out, OutputStream.nullOutputStream(), InputStream.nullInputStream()))
        .withPauses(List.of(pauses));
  }
}
