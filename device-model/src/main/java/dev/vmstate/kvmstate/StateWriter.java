package dev.vmstate.kvmstate;

import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.function.Consumer;

/**
 * Writes {@code state.json} as {@link StateDocument} reads it: memory's ranges, then the vCPUs,
 * then the devices.
 */
public final class StateWriter {
  private final StateText text = new StateText();
  private boolean devices;

  /** Starts it; {@code ranges} in the order in which {@code memory-ranges} has them. */
  public StateWriter(List<StateDocument.Range> ranges) {
    text.open("").words("id", StateDocument.ID).integer("version", StateDocument.VERSION);
    text.open("snapshots").open("memory-manager");
    text.ranges("memory_ranges", ranges).close().open("cpu-manager");
  }

  /** Adds a vCPU, whose members {@code state} writes. */
  public StateWriter vcpu(int number, Consumer<StateText> state) {
    if (devices) {
      throw new IllegalStateException("a vCPU behind a device");
    }
    text.open(Integer.toString(number));
    state.accept(text);
    text.close();
    return this;
  }

  /** Adds a device, whose members {@code state} writes. */
  public StateWriter device(String name, Consumer<StateText> state) {
    startDevices();
    text.open(name);
    state.accept(text);
    text.close();
    return this;
  }

  /** Adds a device that is one structure. */
  public StateWriter device(String name, StateValue state) {
    startDevices();
    text.value(name, state);
    return this;
  }

  private void startDevices() {
    if (!devices) {
      text.close().open("device-manager");
      devices = true;
    }
  }

  /** Ends it: the whole text. */
  public byte[] text() {
    startDevices();
    text.close().close().close();
    return (text + "\n").getBytes(StandardCharsets.UTF_8);
  }
}
