package dev.vmstate.cli;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.vmstate.cpu.BitNames;
import dev.vmstate.cpu.MsrTable;
import dev.vmstate.cpu.Register;
import dev.vmstate.cpu.RegisterGroup;
import dev.vmstate.cpu.X86Cpu;
import java.util.List;

/** Everything of a CPU as JSON, besides its registers. The keys are added to, never renamed. */
final class CpuFacts {
  private CpuFacts() {}

  /**
   * Adds {@code fpu}, {@code sse}, {@code avx}, {@code msr}, {@code apic}, {@code event}, {@code
   * bits}.
   */
  static void add(X86Cpu cpu, ObjectNode node) {
    ObjectNode bits = JsonNodeFactory.instance.objectNode();
    cpu.registers().forEach(register -> bits(register, bits));
    for (RegisterGroup group : RegisterGroup.values()) {
      List<Register> views = cpu.views(group);
      if (views.isEmpty()) {
        continue;
      }
      ObjectNode values = node.putObject(group.toString());
      for (Register view : views) {
        if (group == RegisterGroup.MSR) {
          values
              .putObject(view.name().substring(view.name().indexOf('.') + 1))
              .put("number", Facts.hex(MsrTable.number(view.name())))
              .put("value", view.text());
        } else if (view.bits() == 256 && group == RegisterGroup.APIC) {
          vectors(view, values);
        } else {
          values.put(shortName(view), view.text());
        }
        bits(view, bits);
      }
    }
    if (!bits.isEmpty()) {
      node.set("bits", bits);
    }
  }

  private static String shortName(Register view) {
    return view.name().startsWith("apic.") ? view.name().substring(5) : view.name();
  }

  private static void vectors(Register bitmap, ObjectNode values) {
    var vectors = values.putArray(shortName(bitmap));
    for (int i = 0; i < bitmap.bits(); i++) {
      if (bitmap.whole().testBit(i)) {
        vectors.add(i);
      }
    }
  }

  private static void bits(Register register, ObjectNode bits) {
    List<String> set = BitNames.set(register.name(), register.value());
    if (BitNames.of(register.name()).named()) {
      set.forEach(bits.putArray(register.name())::add);
    }
  }
}
