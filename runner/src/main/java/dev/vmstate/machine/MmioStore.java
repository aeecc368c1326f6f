package dev.vmstate.machine;

import dev.vmstate.kvmstate.MachineStructs;
import dev.vmstate.kvmstate.StateValue;

/** A range of MMIO that gives back what was stored there. Used by all vCPUs' threads. */
final class MmioStore {
  private final MmioRange range;
  private final byte[] bytes;

  MmioStore(MmioRange range) {
    this.range = range;
    this.bytes = new byte[(int) range.size()];
  }

  MmioRange range() {
    return range;
  }

  /** Name of its section in a snapshot. */
  String section() {
    return MachineStructs.MMIO_SECTION + "0x" + Long.toHexString(range.base());
  }

  boolean has(long address) {
    return address >= range.base() && address < range.end();
  }

  synchronized int load(long address) {
    return bytes[(int) (address - range.base())] & 0xff;
  }

  synchronized void store(long address, int value) {
    bytes[(int) (address - range.base())] = (byte) value;
  }

  synchronized StateValue state() {
    return MachineStructs.mmio(bytes.length).of(bytes.clone());
  }

  synchronized void restore(StateValue state) {
    state.buffer().get(bytes);
  }
}
