package dev.vmstate.cli;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.vmstate.bytes.Progress;
import dev.vmstate.cpu.RegisterGroup;
import dev.vmstate.cpu.X86Cpu;
import dev.vmstate.snapshot.Snapshot;
import java.io.IOException;
import java.util.EnumSet;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** The CPUs' registers. */
@Command(
    name = "cpus",
    mixinStandardHelpOptions = true,
    description = {
      "Prints every CPU's registers, as QEMU's 'info registers' does, with the names of their bits.",
      "--json has all of them. 'vmstate get' and 'set' take them one by one: cpu[0]/xmm3,",
      "cpu[0]/st0, cpu[0]/msr.IA32_LSTAR, cpu[0]/msr[0xc0000082], cpu[0]/apic.tpr, cpu[0]/halted."
    },
    footer = {
      "",
      "Example:",
      "  vmstate cpus vm.mig",
      "  vmstate cpus vm.mig --cpu 0 --fpu --msr",
      "  vmstate cpus vm.mig --gdb"
    })
final class CpusCommand extends PartCommand {
  @Option(names = "--cpu", paramLabel = "N", description = "Only this CPU.")
  private @Nullable Integer index;

  @Option(names = "--all", description = "All of the following groups.")
  private boolean all;

  @Option(names = "--fpu", description = "x87 registers.")
  private boolean fpu;

  @Option(names = "--sse", description = "XMM registers.")
  private boolean sse;

  @Option(
      names = "--avx",
      description = "YMM or ZMM registers, as wide as the guest has enabled them.")
  private boolean avx;

  @Option(names = "--msr", description = "Model specific registers that are not 0.")
  private boolean msr;

  @Option(names = "--apic", description = "The local APIC, as 'info lapic' shows it.")
  private boolean apic;

  @Option(names = "--gdb", description = "As gdb's 'info registers' prints them instead.")
  private boolean gdb;

  @Override
  void json(Snapshot opened, ObjectNode node) throws IOException {
    node.set("cpus", new Facts(opened).cpus(true, this::chosen));
  }

  @Override
  void text(Text text) throws IOException {
    text.cpus(this::chosen, gdb, groups());
  }

  private boolean chosen(X86Cpu cpu) {
    return index == null || index == cpu.index();
  }

  @Override
  void prepare(Snapshot opened, Progress progress) throws IOException {
    if (index != null && opened.cpus().stream().noneMatch(this::chosen)) {
      throw new IOException(
          "%s: no CPU %d: it has %s"
              .formatted(opened.source(), index, Sizes.count(opened.cpus().size(), "CPU")));
    }
  }

  private Set<RegisterGroup> groups() {
    Set<RegisterGroup> groups = EnumSet.noneOf(RegisterGroup.class);
    add(groups, fpu, RegisterGroup.FPU);
    add(groups, sse, RegisterGroup.SSE);
    add(groups, avx, RegisterGroup.AVX);
    add(groups, msr, RegisterGroup.MSR);
    add(groups, apic, RegisterGroup.APIC);
    return groups;
  }

  private void add(Set<RegisterGroup> groups, boolean asked, RegisterGroup group) {
    if (asked || all) {
      groups.add(group);
    }
  }
}
