package dev.vmstate.convert.kvm;

import dev.vmstate.cpu.X86Cpu;
import dev.vmstate.device.DeviceSection;
import dev.vmstate.kvmstate.KvmStructs;
import dev.vmstate.kvmstate.StateStruct;
import dev.vmstate.kvmstate.StateValue;
import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** One CPU of a stream with its APIC. */
final class StreamCpu {
  private static final int RUNNABLE = 0;
  private static final int UNINITIALIZED = 1;
  private static final int INIT_RECEIVED = 2;
  private static final int HALTED = 3;

  private static final String MP_STATE = "mp_state";
  private static final String HALT = "halted";
  private static final String WAIT = StreamNumbers.APIC + "wait_for_sipi";

  /** A structure and what it is made of. */
  private record Part(StateStruct shape, List<Row> rows) {}

  private final X86Cpu cpu;
  private final StreamNumbers numbers;
  private final VectorRows vectors;
  private final Map<String, Part> parts = new LinkedHashMap<>();
  private final boolean kvm;

  StreamCpu(X86Cpu cpu, Optional<DeviceSection> apic, boolean kvm, long clock) {
    this.cpu = cpu;
    this.kvm = kvm;
    this.numbers = StreamNumbers.of(cpu, apic);
    this.vectors = new VectorRows(cpu, kvm);
    long id = apic.map(DeviceSection::instance).orElse((long) cpu.index());
    parts.put("regs", new Part(KvmStructs.REGS, CpuRows.REGS));
    parts.put("sregs2", new Part(KvmStructs.SREGS2, CpuRows.SREGS));
    parts.put("lapic", new Part(KvmStructs.LAPIC, new LapicRows(id, clock).rows()));
    parts.put("events", new Part(KvmStructs.EVENTS, EventRows.ROWS));
    parts.put("debugregs", new Part(KvmStructs.DEBUGREGS, CpuRows.DEBUGREGS));
  }

  StreamNumbers numbers() {
    return numbers;
  }

  /** Mends what the stream, once it changes, should not have either. */
  void mend() throws IOException {
    vectors.mark(numbers);
  }

  /** {@code tsc}: what counts instead of the CPU's own, if something does. */
  CpuValues toKvm(Optional<Long> tsc) throws IOException {
    Map<String, StateValue> structs = new LinkedHashMap<>();
    for (Map.Entry<String, Part> part : parts.entrySet()) {
      StateValue value = part.getValue().shape().zero();
      for (Row row : part.getValue().rows()) {
        row.toKvm(numbers, value);
      }
      structs.put(part.getKey(), value);
    }
    long xcr0 = Math.max(1, numbers.get("xcr0"));
    return new CpuValues(structs, vectors.toKvm(), xcr0, MsrRows.toKvm(cpu, tsc), mpState());
  }

  /** What goes over otherwise than the stream has it. */
  List<String> mended() throws IOException {
    List<String> mended = new ArrayList<>();
    String label = numbers.label() + "/";
    if ((numbers.get("xstate_bv") & 3) != 3) {
      mended.add(label + "xstate_bv: x87 and SSE are marked as in use");
    }
    if (mpState() != numbers.get(MP_STATE)) {
      mended.add(label + "mp_state: %d, because it is halted".formatted(mpState()));
    }
    long task = numbers.get("tr.flags") >>> 8;
    if ((task & 0x17) == 1) {
      mended.add(label + "tr.flags: the task is marked as busy");
    }
    return mended;
  }

  /**
   * Whether it runs. TCG says 0 also of a CPU that is halted, and so does KVM where the interrupt
   * controllers are QEMU's: {@code halted} tells, and that an APIC waits for its SIPI.
   */
  private long mpState() throws IOException {
    long state = numbers.get(MP_STATE);
    if (state != RUNNABLE || numbers.get(HALT) == 0) {
      return state;
    }
    return numbers.get(WAIT) != 0 ? INIT_RECEIVED : HALTED;
  }

  void toStream(CpuValues was, CpuValues now) throws IOException {
    for (Map.Entry<String, Part> part : parts.entrySet()) {
      StateValue wanted = now.structs().get(part.getKey());
      StateValue before = was.structs().get(part.getKey());
      if (wanted == null || before == null) {
        continue;
      }
      for (Row row : part.getValue().rows()) {
        row.toStream(before, wanted, numbers);
      }
    }
    vectors.toStream(was.xsave(), now.xsave(), numbers);
    if (was.xcr0() != now.xcr0()) {
      numbers.put("xcr0", now.xcr0());
    }
    MsrRows.toStream(was.msrs(), now.msrs(), numbers);
    if (was.mpState() != now.mpState()) {
      mpState(now.mpState());
    }
  }

  private void mpState(long state) throws IOException {
    boolean waits = state == UNINITIALIZED || state == INIT_RECEIVED;
    numbers.put(HALT, state == HALTED || waits && !kvm ? 1 : 0);
    if (kvm) {
      numbers.put(MP_STATE, state);
    } else if (waits || numbers.has(WAIT)) {
      numbers.put(WAIT, waits ? 1 : 0);
    }
  }
}
