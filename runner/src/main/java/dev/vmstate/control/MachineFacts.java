package dev.vmstate.control;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.vmstate.machine.MachineControl;
import dev.vmstate.machine.MachineInfo;
import dev.vmstate.machine.StopReason;
import java.util.Locale;

/**
 * A machine as JSON. {@code state}, {@code config} and {@code memory_actual_size} are named as
 * Cloud Hypervisor's {@code vm.info} names them; the rest is ours. Registers are text: JSON's
 * numbers do not hold 64 bits everywhere.
 */
public final class MachineFacts {
  private MachineFacts() {}

  /** What {@code vm.info} answers. */
  public static ObjectNode of(MachineInfo info) {
    ObjectNode node = JsonNodeFactory.instance.objectNode();
    node.put("state", state(info.state()));
    node.set("stopped", stop(info.stop()));
    ObjectNode config = node.putObject("config");
    config
        .putObject("cpus")
        .put("boot_vcpus", info.vcpus().size())
        .put("max_vcpus", info.vcpus().size());
    config.putObject("memory").put("size", info.memory());
    config.put("irqchip", info.irqchip());
    node.put("memory_actual_size", info.memory());
    node.put("exits", info.exits());
    ArrayNode vcpus = node.putArray("vcpus");
    for (MachineInfo.Vcpu vcpu : info.vcpus()) {
      ObjectNode one = vcpus.addObject();
      one.put("index", vcpu.index());
      if (vcpu.registers().isEmpty()) {
        continue; // it runs
      }
      one.put("mode", vcpu.mode()).put("halted", vcpu.halted());
      ObjectNode registers = one.putObject("registers");
      vcpu.registers().forEach((name, value) -> registers.put(name, "0x%x".formatted(value)));
    }
    return node;
  }

  /** Why it does not run: {@code {"kind": "condition", "vcpu": 0, "text": "…"}}. */
  private static ObjectNode stop(StopReason stop) {
    ObjectNode node = JsonNodeFactory.instance.objectNode();
    node.put("kind", stop.kind().name().toLowerCase(Locale.ROOT));
    if (stop.vcpu() >= 0) {
      node.put("vcpu", stop.vcpu());
    }
    node.put("text", stop.text());
    if (!stop.details().isEmpty()) {
      ArrayNode details = node.putArray("details");
      stop.details().forEach(details::add);
    }
    return node;
  }

  private static String state(MachineControl.State state) {
    return switch (state) {
      case RUNNING -> "Running";
      case PAUSED -> "Paused";
      case ENDED -> "Shutdown";
    };
  }
}
