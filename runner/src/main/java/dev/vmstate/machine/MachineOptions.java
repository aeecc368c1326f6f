package dev.vmstate.machine;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;

/**
 * What a machine is made of and what runs in it first. Immutable; each {@code with} method gives a
 * copy.
 *
 * @param payload a flat binary or an ELF file
 * @param mode of the first instruction; empty: real16 of a flat binary, what an ELF file asks for
 * @param load where a flat binary is put; empty: 0x1000 in real mode, 0x100000 otherwise
 * @param entry the first instruction; empty: the load address, or what an ELF file says
 * @param commandLine for a kernel that is started by PVH or multiboot
 * @param registers set before the first instruction, by their names ({@code rax}, {@code rip},
 *     {@code rflags}, {@code cr3})
 * @param cpus how many vCPUs
 * @param memory bytes of RAM, whole pages
 * @param memoryFile RAM is this file, shared: made if there is none, else of exactly that size, and
 *     what it holds stays except where the payload is put
 * @param irqchip whether KVM's PIC, I/O APIC, local APICs and PIT are there
 * @param serialBase first port of the serial line
 * @param debugPort port of the debug port
 * @param mmio ranges in which loads and stores are exits and a load gives what was stored
 */
public record MachineOptions(
    Path payload,
    Optional<BootMode> mode,
    OptionalLong load,
    OptionalLong entry,
    String commandLine,
    Map<String, Long> registers,
    int cpus,
    long memory,
    Optional<Path> memoryFile,
    boolean irqchip,
    int serialBase,
    OptionalInt debugPort,
    List<MmioRange> mmio) {
  /** Where the first serial port of a PC is. */
  public static final int SERIAL = 0x3f8;

  /** Where QEMU and Bochs have the debug port. */
  public static final int DEBUG_PORT = 0xe9;

  /** RAM of a machine of which nothing else is said. */
  public static final long MEMORY = 1 << 20;

  /** Keeps copies. */
  public MachineOptions {
    registers = java.util.Collections.unmodifiableMap(new LinkedHashMap<>(registers));
    mmio = List.copyOf(mmio);
  }

  /** A machine for a file: one vCPU, 1 MiB, a serial line and a debug port. */
  public static MachineOptions of(Path payload) {
    return new MachineOptions(
        payload,
        Optional.empty(),
        OptionalLong.empty(),
        OptionalLong.empty(),
        "",
        Map.of(),
        1,
        MEMORY,
        Optional.empty(),
        false,
        SERIAL,
        OptionalInt.of(DEBUG_PORT),
        List.of());
  }

  /** With another mode. */
  public MachineOptions withMode(BootMode with) {
    return new MachineOptions(
        payload,
        Optional.of(with),
        load,
        entry,
        commandLine,
        registers,
        cpus,
        memory,
        memoryFile,
        irqchip,
        serialBase,
        debugPort,
        mmio);
  }

  /** With a place for the file. */
  public MachineOptions withLoad(long with) {
    return new MachineOptions(
        payload,
        mode,
        OptionalLong.of(with),
        entry,
        commandLine,
        registers,
        cpus,
        memory,
        memoryFile,
        irqchip,
        serialBase,
        debugPort,
        mmio);
  }

  /** With a first instruction. */
  public MachineOptions withEntry(long with) {
    return new MachineOptions(
        payload,
        mode,
        load,
        OptionalLong.of(with),
        commandLine,
        registers,
        cpus,
        memory,
        memoryFile,
        irqchip,
        serialBase,
        debugPort,
        mmio);
  }

  /** With a command line for a kernel. */
  public MachineOptions withCommandLine(String with) {
    return new MachineOptions(
        payload,
        mode,
        load,
        entry,
        with,
        registers,
        cpus,
        memory,
        memoryFile,
        irqchip,
        serialBase,
        debugPort,
        mmio);
  }

  /** With a register set; those set before stay. */
  public MachineOptions withRegister(String name, long value) {
    Map<String, Long> with = new LinkedHashMap<>(registers);
    with.put(name, value);
    return new MachineOptions(
        payload,
        mode,
        load,
        entry,
        commandLine,
        with,
        cpus,
        memory,
        memoryFile,
        irqchip,
        serialBase,
        debugPort,
        mmio);
  }

  /** With so many vCPUs. */
  public MachineOptions withCpus(int with) {
    return new MachineOptions(
        payload,
        mode,
        load,
        entry,
        commandLine,
        registers,
        with,
        memory,
        memoryFile,
        irqchip,
        serialBase,
        debugPort,
        mmio);
  }

  /** With so much RAM. */
  public MachineOptions withMemory(long with) {
    return new MachineOptions(
        payload,
        mode,
        load,
        entry,
        commandLine,
        registers,
        cpus,
        with,
        memoryFile,
        irqchip,
        serialBase,
        debugPort,
        mmio);
  }

  /** With RAM in a file. */
  public MachineOptions withMemoryFile(Path with) {
    return new MachineOptions(
        payload,
        mode,
        load,
        entry,
        commandLine,
        registers,
        cpus,
        memory,
        Optional.of(with),
        irqchip,
        serialBase,
        debugPort,
        mmio);
  }

  /** With or without KVM's interrupt controllers and timer. */
  public MachineOptions withIrqchip(boolean with) {
    return new MachineOptions(
        payload,
        mode,
        load,
        entry,
        commandLine,
        registers,
        cpus,
        memory,
        memoryFile,
        with,
        serialBase,
        debugPort,
        mmio);
  }

  /** With the debug port at another port. */
  public MachineOptions withDebugPort(int with) {
    return new MachineOptions(
        payload,
        mode,
        load,
        entry,
        commandLine,
        registers,
        cpus,
        memory,
        memoryFile,
        irqchip,
        serialBase,
        OptionalInt.of(with),
        mmio);
  }

  /** With one more range of MMIO. */
  public MachineOptions withMmio(MmioRange with) {
    List<MmioRange> all = new ArrayList<>(mmio);
    all.add(with);
    return new MachineOptions(
        payload,
        mode,
        load,
        entry,
        commandLine,
        registers,
        cpus,
        memory,
        memoryFile,
        irqchip,
        serialBase,
        debugPort,
        all);
  }
}
