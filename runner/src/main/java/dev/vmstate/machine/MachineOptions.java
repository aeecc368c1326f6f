package dev.vmstate.machine;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.function.Consumer;

/**
 * What a machine is made of and what runs in it first. Immutable; each {@code with} method gives a
 * copy.
 */
public final class MachineOptions {
  /** Where the first serial port of a PC is. */
  public static final int SERIAL = 0x3f8;

  /** Where QEMU and Bochs have the debug port. */
  public static final int DEBUG_PORT = 0xe9;

  /** RAM of a machine of which nothing else is said. */
  public static final long MEMORY = 1 << 20;

  private final Path payload;
  // Set in a fresh copy, by the method that makes it.
  private Optional<BootMode> mode = Optional.empty();
  private OptionalLong load = OptionalLong.empty();
  private OptionalLong entry = OptionalLong.empty();
  private String commandLine = "";
  private Map<String, Long> registers = Map.of();
  private int cpus = 1;
  private long memory = MEMORY;
  private Optional<Path> memoryFile = Optional.empty();
  private boolean irqchip;
  private int debugPort = DEBUG_PORT;
  private List<MmioRange> mmio = List.of();

  private MachineOptions(Path payload) {
    this.payload = payload;
  }

  /** A machine for a file: one vCPU, 1 MiB, a serial line and a debug port. */
  public static MachineOptions of(Path payload) {
    return new MachineOptions(payload);
  }

  private MachineOptions(MachineOptions other) {
    this.payload = other.payload;
    this.mode = other.mode;
    this.load = other.load;
    this.entry = other.entry;
    this.commandLine = other.commandLine;
    this.registers = other.registers;
    this.cpus = other.cpus;
    this.memory = other.memory;
    this.memoryFile = other.memoryFile;
    this.irqchip = other.irqchip;
    this.debugPort = other.debugPort;
    this.mmio = other.mmio;
  }

  private MachineOptions with(Consumer<MachineOptions> change) {
    MachineOptions copy = new MachineOptions(this);
    change.accept(copy);
    return copy;
  }

  /** A flat binary or an ELF file. */
  public Path payload() {
    return payload;
  }

  /** Mode of the first instruction; empty: real16 of a flat binary, what an ELF file asks for. */
  public Optional<BootMode> mode() {
    return mode;
  }

  /** With another mode. */
  public MachineOptions withMode(BootMode with) {
    return with(copy -> copy.mode = Optional.of(with));
  }

  /** Where a flat binary is put; empty: 0x1000 in real mode, 0x100000 otherwise. */
  public OptionalLong load() {
    return load;
  }

  /** With a place for the file. */
  public MachineOptions withLoad(long with) {
    return with(copy -> copy.load = OptionalLong.of(with));
  }

  /** The first instruction; empty: the load address, or what an ELF file says. */
  public OptionalLong entry() {
    return entry;
  }

  /** With a first instruction. */
  public MachineOptions withEntry(long with) {
    return with(copy -> copy.entry = OptionalLong.of(with));
  }

  /** For a kernel that is started by PVH or multiboot. */
  public String commandLine() {
    return commandLine;
  }

  /** With a command line for a kernel. */
  public MachineOptions withCommandLine(String with) {
    return with(copy -> copy.commandLine = with);
  }

  /**
   * Set before the first instruction, by their names ({@code rax}, {@code rip}, {@code rflags},
   * {@code cr3}), in the order they were given.
   */
  public Map<String, Long> registers() {
    return registers;
  }

  /** With a register set; those set before stay. */
  public MachineOptions withRegister(String name, long value) {
    Map<String, Long> all = new LinkedHashMap<>(registers);
    all.put(name, value);
    return with(copy -> copy.registers = Collections.unmodifiableMap(all));
  }

  /** How many vCPUs. */
  public int cpus() {
    return cpus;
  }

  /** With so many vCPUs. */
  public MachineOptions withCpus(int with) {
    return with(copy -> copy.cpus = with);
  }

  /** Bytes of RAM, whole pages. */
  public long memory() {
    return memory;
  }

  /** With so much RAM. */
  public MachineOptions withMemory(long with) {
    return with(copy -> copy.memory = with);
  }

  /**
   * RAM is this file, shared: made if there is none, else of exactly that size, and what it holds
   * stays except where the payload is put.
   */
  public Optional<Path> memoryFile() {
    return memoryFile;
  }

  /** With RAM in a file. */
  public MachineOptions withMemoryFile(Path with) {
    return with(copy -> copy.memoryFile = Optional.of(with));
  }

  /** Whether KVM's PIC, I/O APIC, local APICs and PIT are there. */
  public boolean irqchip() {
    return irqchip;
  }

  /** With or without KVM's interrupt controllers and timer. */
  public MachineOptions withIrqchip(boolean with) {
    return with(copy -> copy.irqchip = with);
  }

  /** Port of the debug port. */
  public int debugPort() {
    return debugPort;
  }

  /** With the debug port at another port. */
  public MachineOptions withDebugPort(int with) {
    return with(copy -> copy.debugPort = with);
  }

  /** Ranges in which loads and stores are exits and a load gives what was stored. */
  public List<MmioRange> mmio() {
    return mmio;
  }

  /** With one more range of MMIO. */
  public MachineOptions withMmio(MmioRange with) {
    List<MmioRange> all = new ArrayList<>(mmio);
    all.add(with);
    return with(copy -> copy.mmio = List.copyOf(all));
  }
}
