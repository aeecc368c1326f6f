package dev.vmstate.convert.kvm;

import dev.vmstate.bytes.FormatException;
import dev.vmstate.device.DeviceSection;
import dev.vmstate.device.Field;
import dev.vmstate.kvmstate.KvmStructs;
import dev.vmstate.kvmstate.MachineStructs;
import dev.vmstate.kvmstate.StateDocument;
import dev.vmstate.kvmstate.StateFields;
import dev.vmstate.kvmstate.StateStruct;
import dev.vmstate.kvmstate.StateText;
import dev.vmstate.kvmstate.StateValue;
import dev.vmstate.kvmstate.StateWriter;
import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * What KVM and the runner have of a machine's vCPUs and devices.
 *
 * @param cpus by their number
 * @param devices by the names of their sections
 */
record MachineValues(List<CpuValues> cpus, Map<String, StateValue> devices) {
  /** The sections of devices that a stream has too, and their shapes. */
  static final Map<String, StateStruct> DEVICES = deviceShapes();

  private static final Map<String, StateStruct> CPU = cpuShapes();
  private static final String SREGS2 = "sregs2";
  private static final String XSAVE = "xsave";

  /** An XSAVE area has no more on any CPU so far. */
  private static final int MOST_XSAVE = 1 << 16;

  /** Where the part behind the image's header begins. */
  private static final int EXTENDED_AT = 576;

  private static Map<String, StateStruct> deviceShapes() {
    Map<String, StateStruct> shapes = new LinkedHashMap<>();
    shapes.put("clock", KvmStructs.CLOCK);
    shapes.put("pic-master", KvmStructs.PIC);
    shapes.put("pic-slave", KvmStructs.PIC);
    shapes.put("ioapic", KvmStructs.IOAPIC);
    shapes.put("pit", KvmStructs.PIT);
    shapes.put("serial", MachineStructs.SERIAL);
    return shapes;
  }

  private static Map<String, StateStruct> cpuShapes() {
    Map<String, StateStruct> shapes = new LinkedHashMap<>();
    shapes.put("regs", KvmStructs.REGS);
    shapes.put(SREGS2, KvmStructs.SREGS2);
    shapes.put("lapic", KvmStructs.LAPIC);
    shapes.put("events", KvmStructs.EVENTS);
    shapes.put("debugregs", KvmStructs.DEBUGREGS);
    return shapes;
  }

  /** {@code state.json}. */
  static byte[] text(MachineValues machine, List<StateDocument.Range> ranges) {
    StateWriter writer = new StateWriter(ranges);
    for (int i = 0; i < machine.cpus().size(); i++) {
      CpuValues cpu = machine.cpus().get(i);
      writer.vcpu(i, text -> cpu(cpu, text));
    }
    machine.devices().forEach(writer::device);
    return writer.text();
  }

  private static void cpu(CpuValues cpu, StateText text) {
    cpu.structs().forEach(text::value);
    text.value(XSAVE, cpu.xsave());
    text.list("xcrs", List.of(KvmStructs.XCR.zero().set("value", cpu.xcr0())));
    List<StateValue> msrs = new ArrayList<>();
    cpu.msrs()
        .forEach(
            (number, value) ->
                msrs.add(KvmStructs.MSR.zero().set("index", number).set("data", value)));
    text.list("msrs", msrs).number("mp_state", 4, cpu.mpState());
  }

  /** The same out of a {@code state.json}. */
  static MachineValues of(List<DeviceSection> sections) throws IOException {
    List<CpuValues> cpus = new ArrayList<>();
    Map<String, StateValue> devices = new LinkedHashMap<>();
    for (DeviceSection section : sections) {
      StateStruct shape = DEVICES.get(section.name());
      if (section.name().equals(StateDocument.VCPU)) {
        cpus.add(cpu(section));
      } else if (shape != null) {
        devices.put(section.name(), StateFields.value(section, "", shape));
      }
    }
    return new MachineValues(cpus, devices);
  }

  private static CpuValues cpu(DeviceSection section) throws IOException {
    Map<String, StateValue> structs = new LinkedHashMap<>();
    for (Map.Entry<String, StateStruct> shape : CPU.entrySet()) {
      Optional<StateValue> found = StateFields.find(section, shape.getKey(), shape.getValue());
      if (found.isPresent()) {
        structs.put(shape.getKey(), found.get());
      }
    }
    if (!structs.containsKey(SREGS2)) {
      structs.put(SREGS2, old(StateFields.value(section, "sregs", KvmStructs.SREGS)));
    }
    long xcr0 = 1;
    for (StateValue xcr : StateFields.list(section, "xcrs", KvmStructs.XCR)) {
      xcr0 = xcr.get("xcr") == 0 ? xcr.get("value") : xcr0;
    }
    SortedMap<Long, Long> msrs = new TreeMap<>();
    for (StateValue msr : StateFields.list(section, "msrs", KvmStructs.MSR)) {
      msrs.put(msr.get("index"), msr.get("data"));
    }
    long mpState = StateFields.number(section, "mp_state").orElse(0);
    return new CpuValues(structs, xsave(section), xcr0, msrs, mpState);
  }

  /** What a host without KVM_CAP_SREGS2 has: the same members, in the same order. */
  private static StateValue old(StateValue sregs) {
    StateValue value = KvmStructs.SREGS2.zero();
    int same = 8 * 24 + 2 * 16 + 7 * 8;
    value.buffer().put(sregs.bytes(), 0, same);
    return value;
  }

  private static StateValue xsave(DeviceSection section) throws IOException {
    for (Field field : section.root().children()) {
      if (field.name().equals(XSAVE) && field instanceof Field.Group group) {
        long size = EXTENDED_AT;
        for (Field member : group.children()) {
          size += member.name().equals("extended") ? member.span().length() : 0;
        }
        return StateFields.value(
            section, XSAVE, KvmStructs.xsave((int) Math.min(size, MOST_XSAVE)));
      }
    }
    Optional<StateValue> fpu = StateFields.find(section, "fpu", KvmStructs.FPU);
    if (fpu.isEmpty()) {
      throw new FormatException(
          section.source().name(), 0, section.label() + ": no \"xsave\" and no \"fpu\"");
    }
    return legacy(fpu.get());
  }

  /** What a host without KVM_CAP_XSAVE has. */
  private static StateValue legacy(StateValue fpu) {
    StateValue value = KvmStructs.xsave(4096).zero();
    value.set("fcw", fpu.get("fcw")).set("fsw", fpu.get("fsw")).set("ftw", fpu.get("ftwx"));
    value.set("fop", fpu.get("last_opcode"));
    value.set("fip", fpu.get("last_ip")).set("fdp", fpu.get("last_dp"));
    value.set("mxcsr", fpu.get("mxcsr")).set("xstate_bv", 3);
    for (int i = 0; i < 8; i++) {
      value.data("st[%d]".formatted(i), fpu.data("fpr[%d]".formatted(i)));
    }
    for (int i = 0; i < 16; i++) {
      value.data("xmm[%d]".formatted(i), fpu.data("xmm[%d]".formatted(i)));
    }
    return value;
  }
}
