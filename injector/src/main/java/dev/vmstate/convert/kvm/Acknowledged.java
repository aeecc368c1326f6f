package dev.vmstate.convert.kvm;

import dev.vmstate.kvmstate.StateValue;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * KVM takes an interrupt from its controller first and puts it into the CPU later; a machine may be
 * saved in between. TCG does both at once and has no place for that: there the interrupt waits at
 * its controller again.
 */
final class Acknowledged {
  private static final int CASCADE = 1 << 2;

  private Acknowledged() {}

  /** The same machine with no interrupt between controller and CPU; the first is not changed. */
  static MachineValues undone(MachineValues machine) {
    List<CpuValues> cpus = new ArrayList<>();
    Map<String, StateValue> devices = new LinkedHashMap<>();
    machine.devices().forEach((name, value) -> devices.put(name, value.copy()));
    for (CpuValues cpu : machine.cpus()) {
      Map<String, StateValue> structs = new LinkedHashMap<>();
      cpu.structs().forEach((name, value) -> structs.put(name, value.copy()));
      StateValue events = structs.get("events");
      if (events != null
          && events.get("interrupt.injected") != 0
          && events.get("interrupt.soft") == 0
          && back((int) events.get("interrupt.nr"), structs.get("lapic"), devices)) {
        events.set("interrupt.injected", 0).set("interrupt.nr", 0);
      }
      cpus.add(new CpuValues(structs, cpu.xsave(), cpu.xcr0(), cpu.msrs(), cpu.mpState()));
    }
    return new MachineValues(cpus, devices);
  }

  private static boolean back(
      int vector, @Nullable StateValue lapic, Map<String, StateValue> devices) {
    if (lapic != null && move(lapic, vector)) {
      return true;
    }
    StateValue master = devices.get("pic-master");
    StateValue slave = devices.get("pic-slave");
    if (master == null || slave == null) {
      return false;
    }
    if ((vector & ~7) == master.get("irq_base")) {
      ask(master, 1 << (vector & 7));
      return true;
    }
    if ((vector & ~7) == slave.get("irq_base")) {
      ask(slave, 1 << (vector & 7));
      ask(master, CASCADE);
      return true;
    }
    return false;
  }

  private static boolean move(StateValue lapic, int vector) {
    String word = "[%d]".formatted(vector >> 5);
    long bit = 1L << (vector & 31);
    if ((lapic.get("isr" + word) & bit) == 0) {
      return false;
    }
    lapic.set("isr" + word, lapic.get("isr" + word) & ~bit);
    lapic.set("irr" + word, lapic.get("irr" + word) | bit);
    return true;
  }

  private static void ask(StateValue pic, int line) {
    pic.set("isr", pic.get("isr") & ~line);
    pic.set("irr", pic.get("irr") | line);
  }
}
