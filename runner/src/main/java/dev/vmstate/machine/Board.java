package dev.vmstate.machine;

import dev.vmstate.device.DeviceSection;
import dev.vmstate.kvmstate.MachineStructs;
import dev.vmstate.kvmstate.StateFields;
import dev.vmstate.kvmstate.StateValue;
import dev.vmstate.kvmstate.StateWriter;
import java.io.IOException;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import org.jspecify.annotations.Nullable;

/**
 * What is around the vCPUs and not in the kernel: which device answers at which port and address.
 *
 * <p>All ports are 8 bits wide; an access of two or four bytes is one of as many ports, the lowest
 * first. A port nobody has reads as 0xff, an address nobody has as ones, and what is written there
 * is gone.
 */
final class Board {
  private static final int NOBODY = 0xff;

  private final @Nullable Serial16550 serial;
  private final int serialBase;
  private final @Nullable DebugPort debug;
  private final int debugPort;
  private final List<MmioStore> mmio;
  private final Console console;

  /** Both ports are optional: a machine from a snapshot may have neither. */
  Board(Console console, OptionalInt serial, OptionalInt debug, List<MmioRange> mmio, IrqLine irq) {
    this.console = console;
    this.serial = serial.isPresent() ? new Serial16550(console.output(), irq) : null;
    this.serialBase = serial.orElse(-1);
    this.debug = debug.isPresent() ? new DebugPort(console.debug()) : null;
    this.debugPort = debug.orElse(-1);
    this.mmio = mmio.stream().map(MmioStore::new).toList();
  }

  /** The serial port, if there is one. */
  Optional<Serial16550> serial() {
    return Optional.ofNullable(serial);
  }

  /** The serial port, if the port is its receiver, whose reading may have to wait. */
  @Nullable Serial16550 receiver(int port) {
    return port == serialBase ? serial : null;
  }

  private @Nullable PortDevice device(int port) {
    if (port == debugPort) {
      return debug;
    }
    int offset = port - serialBase;
    return offset >= 0 && offset < Serial16550.PORTS ? serial : null;
  }

  private int offset(int port) {
    return port == debugPort ? 0 : port - serialBase;
  }

  /** IN of {@code size} bytes, zero-extended. */
  long in(int port, int size) throws IOException {
    long value = 0;
    for (int i = 0; i < size; i++) {
      int at = port + i & 0xffff;
      PortDevice device = device(at);
      long b = device == null ? NOBODY : device.read(offset(at)) & 0xff;
      value |= b << 8 * i;
    }
    return value;
  }

  /** OUT of the low {@code size} bytes. */
  void out(int port, int size, long value) throws IOException {
    for (int i = 0; i < size; i++) {
      int at = port + i & 0xffff;
      PortDevice device = device(at);
      if (device != null) {
        device.write(offset(at), (int) (value >>> 8 * i) & 0xff);
      }
    }
  }

  /** A load of {@code size} bytes, zero-extended. */
  long load(long address, int size) {
    long value = 0;
    for (int i = 0; i < size; i++) {
      MmioStore store = store(address + i);
      long b = store == null ? NOBODY : store.load(address + i);
      value |= b << 8 * i;
    }
    return value;
  }

  /** A store of the low {@code size} bytes. */
  void store(long address, int size, long value) {
    for (int i = 0; i < size; i++) {
      MmioStore store = store(address + i);
      if (store != null) {
        store.store(address + i, (int) (value >>> 8 * i));
      }
    }
  }

  private @Nullable MmioStore store(long address) {
    for (int i = 0; i < mmio.size(); i++) {
      if (mmio.get(i).has(address)) {
        return mmio.get(i);
      }
    }
    return null;
  }

  /** Keeps output as state from here on. */
  void hold() {
    if (serial != null) {
      serial.hold();
    }
    if (debug != null) {
      debug.hold();
    }
  }

  /** Puts out what was kept. */
  void release() throws IOException {
    if (serial != null) {
      serial.release();
    }
    if (debug != null) {
      debug.release();
    }
  }

  /** Has everything that was put out seen. */
  void flush() throws IOException {
    console.output().flush();
    console.debug().flush();
  }

  /** Writes a section for each device. */
  void save(StateWriter text) {
    if (serial != null) {
      text.device(MachineStructs.SERIAL_SECTION, serial.state());
      text.device(MachineStructs.SERIAL_LINE_SECTION, serial.lineState());
    }
    if (debug != null) {
      text.device(MachineStructs.DEBUG_PORT_SECTION, debug.state());
    }
    mmio.forEach(store -> text.device(store.section(), store.state()));
  }

  /** Sets every device as its section has it; one without a section stays as it was switched on. */
  void restore(List<DeviceSection> sections) throws IOException {
    for (DeviceSection section : sections) {
      if (serial != null && section.name().equals(MachineStructs.SERIAL_SECTION)) {
        serial.restore(StateFields.value(section, "", MachineStructs.SERIAL), lineState(sections));
      } else if (debug != null && section.name().equals(MachineStructs.DEBUG_PORT_SECTION)) {
        debug.restore(StateFields.value(section, "", MachineStructs.DEBUG_PORT));
      }
      for (MmioStore store : mmio) {
        if (section.name().equals(store.section())) {
          int size = (int) store.range().size();
          store.restore(StateFields.value(section, "", MachineStructs.mmio(size)));
        }
      }
    }
  }

  private static StateValue lineState(List<DeviceSection> sections) throws IOException {
    for (DeviceSection section : sections) {
      if (section.name().equals(MachineStructs.SERIAL_LINE_SECTION)) {
        return StateFields.value(section, "", MachineStructs.SERIAL_LINE);
      }
    }
    return MachineStructs.SERIAL_LINE.zero().set("polled", 1);
  }

  /** Whether a section of a snapshot is one of these devices'. */
  boolean knows(String section) {
    return serial != null
            && (section.equals(MachineStructs.SERIAL_SECTION)
                || section.equals(MachineStructs.SERIAL_LINE_SECTION))
        || debug != null && section.equals(MachineStructs.DEBUG_PORT_SECTION)
        || mmio.stream().anyMatch(store -> store.section().equals(section));
  }
}
