package dev.vmstate.cli;

import dev.vmstate.machine.BootMode;
import dev.vmstate.machine.Machine;
import dev.vmstate.machine.MachineControl;
import dev.vmstate.machine.MachineOptions;
import dev.vmstate.machine.MmioRange;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.TypeConversionException;

/** A small machine on KVM, with a file in its memory. */
@Command(
    name = "run",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    description = {
      "Runs a flat binary or an ELF kernel in a small machine on /dev/kvm.",
      "It has RAM, vCPUs, a serial line at 0x3f8 and a debug port, with --irqchip interrupt",
      "controllers and a timer. ELF kernels are started as PVH or multiboot say. What the guest",
      "prints on its serial line is standard output, byte for byte; notes go to standard error.",
      "With --json standard output is one JSON object at the end, the serial line a member.",
      "",
      "Ctrl-C (SIGINT) or SIGTERM pauses the guest, writes --snapshot DIR and ends; without one",
      "it stays paused until the second, which ends it. SIGTERM ends it at once where there is",
      "neither --snapshot nor --api."
    },
    exitCodeListHeading = "%nExit status:%n",
    exitCodeList = {
      "0:the guest halted, was saved or was ended as asked",
      "1:it shut down (a triple fault), or KVM could not go on; or it did not start",
      "2:wrong usage",
      "129, 130, 143:ended by SIGHUP, SIGINT, SIGTERM"
    },
    footer = {
      "",
      "Example:",
      "  vmstate run simple.bin --reg rax=2 --reg rbx=2 --registers",
      "  vmstate run simple.bin --reg rax=2 --reg rbx=2 --pause-at io:0x3f8 --snapshot snap",
      "  vmstate resume snap --run",
      "  vmstate run long64.bin --mode long64 --memory 4M --api vm.sock",
      "  vmstate run mm.bin --mmio 0xd0000+0x1000 --trace io,mmio"
    })
final class RunCommand implements Callable<Integer> {
  @Parameters(paramLabel = "GUEST", description = "A flat binary, or an ELF file.")
  private Path guest;

  @Option(
      names = "--mode",
      paramLabel = "real16|protected32|long64",
      converter = Mode.class,
      description = "Mode of the first instruction; real16, or what an ELF file asks for.")
  private @Nullable BootMode mode;

  @Option(
      names = "--load",
      paramLabel = "ADDR",
      converter = NumberConverter.class,
      description = "Where a flat binary goes; 0x1000, or 0x100000 if not real16.")
  private @Nullable Long load;

  @Option(
      names = "--entry",
      paramLabel = "ADDR",
      converter = NumberConverter.class,
      description = "The first instruction; where the file begins, or what it says.")
  private @Nullable Long entry;

  @Option(names = "--append", paramLabel = "TEXT", description = "Command line for a kernel.")
  private @Nullable String append;

  @Option(
      names = "--reg",
      paramLabel = "NAME=VALUE",
      converter = Value.class,
      description = "A register before the first instruction: rax=2. Any number of times.")
  private List<Map.Entry<String, Long>> registers = new ArrayList<>();

  @Option(
      names = "--memory",
      paramLabel = "SIZE",
      converter = Sizes.Converter.class,
      description = "RAM: 64K, 4M, 1G; 16M without.")
  private long memory = 16 << 20;

  @Option(
      names = "--memory-file",
      paramLabel = "FILE",
      description =
          "RAM is this file, shared: made if there is none. What the guest writes is in it at"
              + " once, and stays.")
  private @Nullable Path memoryFile;

  @Option(names = "--cpus", paramLabel = "N", description = "vCPUs; 1 without.")
  private int cpus = 1;

  @Option(names = "--irqchip", description = "With KVM's PIC, I/O APIC, local APICs and PIT.")
  private boolean irqchip;

  @Option(
      names = "--debug-port",
      paramLabel = "PORT",
      converter = Port.class,
      description = "Where bytes for standard error go; 0xe9 without.")
  private @Nullable Integer debugPort;

  @Option(
      names = "--mmio",
      paramLabel = "BASE+SIZE",
      converter = Range.class,
      description = "Addresses that are a device which keeps what is stored. Any number of times.")
  private List<MmioRange> mmio = new ArrayList<>();

  @Mixin private GuestFlags flags;
  @Mixin private Output output;

  @Override
  public Integer call() throws Exception {
    MachineOptions options = options();
    flags.check();
    try (GuestStreams streams = flags.streams(output);
        MachineControl machine = Machine.create(options, flags.options(streams, cpus, output))) {
      return new GuestRun(flags, output, streams, machine).run(true);
    }
  }

  private MachineOptions options() {
    MachineOptions options =
        MachineOptions.of(guest).withCpus(cpus).withIrqchip(irqchip).withMemory(memory);
    if (mode != null) {
      options = options.withMode(mode);
    }
    if (load != null) {
      options = options.withLoad(load);
    }
    if (entry != null) {
      options = options.withEntry(entry);
    }
    if (append != null) {
      options = options.withCommandLine(append);
    }
    if (memoryFile != null) {
      options = options.withMemoryFile(memoryFile);
    }
    if (debugPort != null) {
      options = options.withDebugPort(debugPort);
    }
    for (MmioRange range : mmio) {
      options = options.withMmio(range);
    }
    for (Map.Entry<String, Long> register : registers) {
      options = options.withRegister(register.getKey(), register.getValue());
    }
    return options;
  }

  private static final class Value implements ITypeConverter<Map.Entry<String, Long>> {
    @Override
    public Map.Entry<String, Long> convert(String text) {
      int equals = text.indexOf('=');
      if (equals < 1) {
        throw new TypeConversionException("'%s': NAME=VALUE was expected".formatted(text));
      }
      return Map.entry(
          text.substring(0, equals), NumberConverter.number(text.substring(equals + 1)));
    }
  }

  private static final class Port implements ITypeConverter<Integer> {
    @Override
    public Integer convert(String text) {
      long port = NumberConverter.number(text);
      if (port < 0 || port > 0xffff) {
        throw new TypeConversionException("'%s' is no port, which are 0 to 0xffff".formatted(text));
      }
      return (int) port;
    }
  }

  private static final class Mode implements ITypeConverter<BootMode> {
    @Override
    public BootMode convert(String text) {
      try {
        return BootMode.of(text);
      } catch (IllegalArgumentException e) {
        throw new TypeConversionException(e.getMessage());
      }
    }
  }

  private static final class Range implements ITypeConverter<MmioRange> {
    @Override
    public MmioRange convert(String text) {
      int plus = text.indexOf('+');
      if (plus < 1) {
        throw new TypeConversionException("'%s': BASE+SIZE was expected".formatted(text));
      }
      try {
        return new MmioRange(
            NumberConverter.number(text.substring(0, plus)),
            new Sizes.Converter().convert(text.substring(plus + 1)));
      } catch (IllegalArgumentException e) {
        throw new TypeConversionException(e.getMessage());
      }
    }
  }
}
