package dev.vmstate.kvm;

import dev.vmstate.device.DeviceSection;
import dev.vmstate.kvmstate.KvmStructs;
import dev.vmstate.kvmstate.StateFields;
import dev.vmstate.kvmstate.StateStruct;
import dev.vmstate.kvmstate.StateText;
import dev.vmstate.kvmstate.StateValue;
import java.io.IOException;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * What a machine has beside vCPUs and RAM, as far as it is in the kernel: the clock and, of a
 * machine with the kernel's interrupt controller, two PICs, the IOAPIC and the timer. By the names
 * of their sections in {@code state.json}.
 */
public final class VmState {
  /** The names that this has, and what is under each. */
  private static final Map<String, StateStruct> SECTIONS = sections();

  private static final Map<String, Integer> CHIPS =
      Map.of("pic-master", VmFd.PIC_MASTER, "pic-slave", VmFd.PIC_SLAVE, "ioapic", VmFd.IOAPIC);

  private final Map<String, StateValue> values;

  private VmState(Map<String, StateValue> values) {
    this.values = Collections.unmodifiableMap(new LinkedHashMap<>(values));
  }

  private static Map<String, StateStruct> sections() {
    Map<String, StateStruct> all = new LinkedHashMap<>();
    all.put("clock", KvmStructs.CLOCK);
    all.put("pic-master", KvmStructs.PIC);
    all.put("pic-slave", KvmStructs.PIC);
    all.put("ioapic", KvmStructs.IOAPIC);
    all.put("pit", KvmStructs.PIT);
    return all;
  }

  /** By the names of their sections; values are not to be changed. */
  public Map<String, StateValue> values() {
    return values;
  }

  /**
   * Reads it from a machine none of whose vCPUs runs.
   *
   * @param irqchip whether it has the kernel's interrupt controller
   * @param pit whether it has the kernel's timer
   */
  public static VmState save(Kvm kvm, VmFd vm, boolean irqchip, boolean pit) throws KvmException {
    Map<String, StateValue> values = new LinkedHashMap<>();
    if (kvm.checkExtension(KvmCapability.ADJUST_CLOCK) > 0) {
      values.put("clock", vm.clock());
    }
    if (irqchip) {
      values.put("pic-master", vm.irqchip(VmFd.PIC_MASTER));
      values.put("pic-slave", vm.irqchip(VmFd.PIC_SLAVE));
      values.put("ioapic", vm.irqchip(VmFd.IOAPIC));
    }
    if (pit) {
      values.put("pit", vm.pit2());
    }
    return new VmState(values);
  }

  /**
   * Puts it into a machine, after the state of its vCPUs: an interrupt that the IOAPIC has not
   * delivered yet is delivered now, to APICs that have to be there. The clock and the timer run
   * from now on.
   *
   * @throws KvmException also when the machine was made without what this is the state of
   */
  public void restore(VmFd vm) throws KvmException {
    for (Map.Entry<String, StateValue> value : values.entrySet()) {
      Integer chip = CHIPS.get(value.getKey());
      if (chip != null) {
        vm.setIrqchip(chip, value.getValue());
      }
    }
    restoreTime(vm);
  }

  /**
   * The clock and the timer alone: they ran on while the machine was paused, and a guest that goes
   * on should not notice.
   */
  public void restoreTime(VmFd vm) throws KvmException {
    StateValue pit = values.get("pit");
    if (pit != null) {
      vm.setPit2(pit);
    }
    StateValue clock = values.get("clock");
    if (clock != null) {
      // Its flags say how it was read. As a wish they would mean: and the time that passed since.
      vm.setClock(KvmStructs.CLOCK.zero().set("clock", clock.get("clock")));
    }
  }

  /** Writes each as a member of its name. */
  public void write(StateText text) {
    values.forEach(text::value);
  }

  /** Takes what is of the kernel's from a document's sections. */
  public static VmState read(List<DeviceSection> sections) throws IOException {
    Map<String, StateValue> values = new LinkedHashMap<>();
    for (DeviceSection section : sections) {
      StateStruct shape = SECTIONS.get(section.label());
      if (shape != null) {
        values.put(section.label(), StateFields.value(section, "", shape));
      }
    }
    return new VmState(values);
  }
}
