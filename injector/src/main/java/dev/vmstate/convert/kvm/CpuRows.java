package dev.vmstate.convert.kvm;

import dev.vmstate.kvmstate.StateValue;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;

/**
 * General, segment, control and debug registers: QEMU's {@code target/i386/kvm/kvm.c}
 * (kvm_getput_regs, kvm_put_sregs2, get_seg, set_seg, kvm_put_debugregs) says which is which.
 */
final class CpuRows {
  private static final String[] GENERAL = {
    "rax", "rbx", "rcx", "rdx", "rsi", "rdi", "rsp", "rbp", "r8", "r9", "r10", "r11", "r12", "r13",
    "r14", "r15", "rip", "rflags"
  };

  private static final String[] SEGMENTS = {"cs", "ds", "es", "fs", "gs", "ss", "tr", "ldt"};

  /** {member, lowest bit of the descriptor's second word, how many}. */
  private static final Object[][] ATTRIBUTES = {
    {"type", 8, 4},
    {"s", 12, 1},
    {"dpl", 13, 2},
    {"avl", 20, 1},
    {"l", 21, 1},
    {"db", 22, 1},
    {"g", 23, 1}
  };

  private static final int PRESENT = 15;

  /** {@code struct kvm_regs}. */
  static final List<Row> REGS = general();

  /** {@code struct kvm_sregs2}. */
  static final List<Row> SREGS = special();

  /** {@code struct kvm_debugregs}: DR4 and DR5 are DR6 and DR7 by other names. */
  static final List<Row> DEBUGREGS =
      List.of(
          Row.same("dr0", "db[0]"),
          Row.same("dr1", "db[1]"),
          Row.same("dr2", "db[2]"),
          Row.same("dr3", "db[3]"),
          Row.same("dr6"),
          Row.same("dr7"));

  private CpuRows() {}

  private static List<Row> general() {
    List<Row> rows = new ArrayList<>();
    for (String name : GENERAL) {
      rows.add(Row.same(name));
    }
    return List.copyOf(rows);
  }

  private static List<Row> special() {
    List<Row> rows = new ArrayList<>();
    for (String name : SEGMENTS) {
      rows.add(Row.same(name + ".selector"));
      rows.add(Row.same(name + ".base"));
      rows.add(Row.same(name + ".limit"));
      for (Object[] attribute : ATTRIBUTES) {
        rows.add(
            Row.bits(
                name + ".flags",
                (int) attribute[1],
                (int) attribute[2],
                name + "." + attribute[0],
                0));
      }
      rows.add(new Presence(name));
    }
    rows.add(
        (Row.Derived)
            (stream, kvm) -> {
              // TCG leaves a task's descriptor "available"; VMX enters no guest with one like that.
              if (kvm.get("tr.s") == 0 && (kvm.get("tr.type") & 5) == 1) {
                kvm.set("tr.type", kvm.get("tr.type") | 2);
              }
            });
    for (String table : List.of("gdt", "idt")) {
      rows.add(Row.same(table + ".base"));
      rows.add(Row.bits(table + ".limit", 0, 16, table + ".limit", 0));
    }
    for (String name : List.of("cr0", "cr2", "cr3", "cr4", "efer")) {
      rows.add(Row.same(name));
    }
    rows.add(Row.same(StreamNumbers.APIC + "apicbase", "apic_base"));
    rows.add(
        (Row.Derived)
            (stream, kvm) -> kvm.set("cr8", stream.get(StreamNumbers.APIC + "tpr") >>> 4 & 15));
    return List.copyOf(rows);
  }

  /** The present bit, which KVM has twice: {@code unusable} is what the CPU goes by. */
  private record Presence(String segment) implements Row {
    private long present(StateValue kvm) {
      return kvm.get(segment + ".unusable") != 0 ? 0 : kvm.get(segment + ".present");
    }

    @Override
    public void toKvm(StreamNumbers stream, StateValue kvm) throws IOException {
      long present = stream.get(segment + ".flags") >>> PRESENT & 1;
      kvm.set(segment + ".present", present).set(segment + ".unusable", 1 - present);
    }

    @Override
    public void toStream(StateValue was, StateValue now, StreamNumbers stream) throws IOException {
      if (present(was) != present(now)) {
        stream.put(segment + ".flags", PRESENT, 1, present(now));
      }
    }
  }
}
