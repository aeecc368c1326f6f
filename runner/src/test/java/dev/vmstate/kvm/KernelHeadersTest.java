package dev.vmstate.kvm;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.vmstate.kvmstate.KvmStructs;
import dev.vmstate.kvmstate.StateStruct;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Numbers and layouts against what a C compiler makes of the kernel's own headers. */
class KernelHeadersTest {
  private static final List<String> HEAD =
      List.of(
          "#include <stdio.h>",
          "#include <stddef.h>",
          "#include <asm/sigcontext.h>",
          "#include <linux/kvm.h>",
          "#if !defined(KVM_CAP_SREGS2) || !defined(KVM_CAP_XSAVE2)"
              + " || !defined(KVM_VCPUEVENT_VALID_TRIPLE_FAULT)",
          "#error older than Linux 6.0",
          "#endif",
          "#define AT(key, type, path) printf(\"%s %zu %zu\\n\", key, offsetof(type, path),"
              + " sizeof(((type *)0)->path))",
          "#define SIZE(key, type) printf(\"%s %zu\\n\", key, sizeof(type))",
          "#define NUMBER(name) printf(\"%s %#llx\\n\", #name, (unsigned long long)(name))",
          "int main(void) {");

  /** By what the kernel calls each. */
  private static final Map<String, StateStruct> SHAPES =
      Map.ofEntries(
          Map.entry("struct kvm_regs", KvmStructs.REGS),
          Map.entry("struct kvm_segment", KvmStructs.SEGMENT),
          Map.entry("struct kvm_dtable", KvmStructs.DTABLE),
          Map.entry("struct kvm_sregs", KvmStructs.SREGS),
          Map.entry("struct kvm_sregs2", KvmStructs.SREGS2),
          Map.entry("struct kvm_fpu", KvmStructs.FPU),
          Map.entry("struct kvm_xcr", KvmStructs.XCR),
          Map.entry("struct kvm_msr_entry", KvmStructs.MSR),
          Map.entry("struct kvm_cpuid_entry2", KvmStructs.CPUID),
          Map.entry("struct kvm_vcpu_events", KvmStructs.EVENTS),
          Map.entry("struct kvm_debugregs", KvmStructs.DEBUGREGS),
          Map.entry("struct kvm_mp_state", KvmStructs.MP_STATE),
          Map.entry("struct kvm_clock_data", KvmStructs.CLOCK),
          Map.entry("struct kvm_pit_channel_state", KvmStructs.PIT_CHANNEL),
          Map.entry("struct kvm_pit_state2", KvmStructs.PIT),
          Map.entry("struct kvm_pic_state", KvmStructs.PIC),
          Map.entry("struct kvm_ioapic_state", KvmStructs.IOAPIC),
          Map.entry("struct kvm_userspace_memory_region", KvmArguments.MEMORY_REGION),
          Map.entry("struct kvm_irq_level", KvmArguments.IRQ_LEVEL),
          Map.entry("struct kvm_pit_config", KvmArguments.PIT_CONFIG),
          Map.entry("struct kvm_reinject_control", KvmArguments.REINJECT),
          Map.entry("struct kvm_interrupt", KvmArguments.INTERRUPT),
          Map.entry("struct kvm_irqchip", KvmArguments.IRQCHIP),
          Map.entry("struct kvm_enable_cap", KvmArguments.ENABLE_CAP),
          Map.entry("struct kvm_guest_debug", KvmArguments.GUEST_DEBUG),
          Map.entry("struct kvm_translation", KvmArguments.TRANSLATION),
          Map.entry("struct kvm_irq_routing_entry", KvmArguments.ROUTE));

  /** An XSAVE area is an array of words in KVM's headers, and spelled out in those of signals. */
  private static final Map<String, String> XSAVE =
      Map.ofEntries(
          Map.entry("fcw", "fpstate.cwd"),
          Map.entry("fsw", "fpstate.swd"),
          Map.entry("ftw", "fpstate.twd"),
          Map.entry("fop", "fpstate.fop"),
          Map.entry("fip", "fpstate.rip"),
          Map.entry("fdp", "fpstate.rdp"),
          Map.entry("mxcsr", "fpstate.mxcsr"),
          Map.entry("mxcsr_mask", "fpstate.mxcsr_mask"),
          Map.entry("st[0]", "fpstate.st_space"),
          Map.entry("st[7]", "fpstate.st_space[28]"),
          Map.entry("xmm[0]", "fpstate.xmm_space"),
          Map.entry("xmm[15]", "fpstate.xmm_space[60]"),
          Map.entry("sw_xfeatures", "fpstate.sw_reserved"),
          Map.entry("xstate_bv", "xstate_hdr.xfeatures"),
          Map.entry("xcomp_bv", "xstate_hdr.reserved1"),
          Map.entry("extended", "ymmh"));

  private static final Map<String, Integer> RUN =
      Map.ofEntries(
          Map.entry("request_interrupt_window", KvmRun.REQUEST_INTERRUPT_WINDOW),
          Map.entry("immediate_exit", KvmRun.IMMEDIATE_EXIT),
          Map.entry("exit_reason", KvmRun.EXIT_REASON),
          Map.entry("ready_for_interrupt_injection", KvmRun.READY_FOR_INTERRUPT_INJECTION),
          Map.entry("if_flag", KvmRun.IF_FLAG),
          Map.entry("cr8", KvmRun.CR8),
          Map.entry("apic_base", KvmRun.APIC_BASE),
          Map.entry("io.direction", KvmRun.IO_DIRECTION),
          Map.entry("io.size", KvmRun.IO_SIZE),
          Map.entry("io.port", KvmRun.IO_PORT),
          Map.entry("io.count", KvmRun.IO_COUNT),
          Map.entry("io.data_offset", KvmRun.IO_DATA_OFFSET),
          Map.entry("mmio.phys_addr", KvmRun.MMIO_PHYS_ADDR),
          Map.entry("mmio.data", KvmRun.MMIO_DATA),
          Map.entry("mmio.len", KvmRun.MMIO_LEN),
          Map.entry("mmio.is_write", KvmRun.MMIO_IS_WRITE),
          Map.entry("fail_entry.hardware_entry_failure_reason", KvmRun.FAIL_ENTRY_REASON),
          Map.entry("fail_entry.cpu", KvmRun.FAIL_ENTRY_CPU),
          Map.entry("internal.suberror", KvmRun.INTERNAL_SUBERROR),
          Map.entry("internal.ndata", KvmRun.INTERNAL_NDATA),
          Map.entry("internal.data", KvmRun.INTERNAL_DATA),
          Map.entry("emulation_failure.flags", KvmRun.EMULATION_FLAGS),
          Map.entry("emulation_failure.insn_size", KvmRun.EMULATION_INSN_SIZE),
          Map.entry("emulation_failure.insn_bytes", KvmRun.EMULATION_INSN_BYTES),
          Map.entry("debug.arch.exception", KvmRun.DEBUG_EXCEPTION),
          Map.entry("debug.arch.pc", KvmRun.DEBUG_PC),
          Map.entry("debug.arch.dr6", KvmRun.DEBUG_DR6),
          Map.entry("debug.arch.dr7", KvmRun.DEBUG_DR7),
          Map.entry("system_event.type", KvmRun.SYSTEM_EVENT_TYPE),
          Map.entry("system_event.ndata", KvmRun.SYSTEM_EVENT_NDATA),
          Map.entry("system_event.data", KvmRun.SYSTEM_EVENT_DATA),
          Map.entry("msr.error", KvmRun.MSR_ERROR),
          Map.entry("msr.reason", KvmRun.MSR_REASON),
          Map.entry("msr.index", KvmRun.MSR_INDEX),
          Map.entry("msr.data", KvmRun.MSR_DATA));

  private static final Map<String, Integer> SIZES =
      Map.of(
          "struct kvm_lapic_state", KvmStructs.LAPIC.size(),
          "struct kvm_xsave", KvmArguments.XSAVE.size(),
          "struct kvm_xcrs", KvmArguments.XCRS_SIZE,
          "struct kvm_msrs", KvmArguments.LIST_HEADER,
          "struct kvm_cpuid2", KvmArguments.LIST_HEADER,
          "struct kvm_irq_routing", KvmArguments.LIST_HEADER);

  private static final Map<String, Integer> CONSTANTS =
      Map.of(
          "KVM_API_VERSION", Kvm.API_VERSION,
          "KVM_MEM_LOG_DIRTY_PAGES", VmFd.MEM_LOG_DIRTY_PAGES,
          "KVM_MEM_READONLY", VmFd.MEM_READONLY,
          "KVM_IRQCHIP_PIC_MASTER", VmFd.PIC_MASTER,
          "KVM_IRQCHIP_PIC_SLAVE", VmFd.PIC_SLAVE,
          "KVM_IRQCHIP_IOAPIC", VmFd.IOAPIC,
          "KVM_PIT_SPEAKER_DUMMY", VmFd.PIT_SPEAKER_DUMMY,
          "KVM_INTERNAL_ERROR_EMULATION", KvmRun.INTERNAL_ERROR_EMULATION,
          "KVM_EXIT_IO_OUT", 1);

  @TempDir Path dir;

  private final List<String> program = new ArrayList<>(HEAD);
  private final Map<String, String> expected = new TreeMap<>();

  private void number(String name, long ours) {
    program.add("NUMBER(%s);".formatted(name));
    expected.put(name, ours == 0 ? "0" : "0x" + Long.toHexString(ours));
  }

  private void size(String type, int ours) {
    program.add("SIZE(\"%s\", %s);".formatted(type.replace(' ', '-'), type));
    expected.put(type.replace(' ', '-'), Integer.toString(ours));
  }

  private void offset(String type, String path, int ours) {
    String key = type.replace(' ', '-') + "@" + path;
    program.add("printf(\"%s %%zu\\n\", offsetof(%s, %s));".formatted(key, type, path));
    expected.put(key, Integer.toString(ours));
  }

  @Test
  void everyNumberAndOffsetIsTheKernels() throws Exception {
    SHAPES.forEach(
        (type, shape) -> {
          size(type, shape.size());
          for (String path : shape.paths()) {
            String key = type.replace(' ', '-') + "." + path;
            program.add("AT(\"%s\", %s, %s);".formatted(key, type, path));
            expected.put(key, shape.offsetOf(path) + " " + shape.widthOf(path));
          }
        });
    XSAVE.forEach(
        (ours, theirs) -> offset("struct _xstate", theirs, KvmArguments.XSAVE.offsetOf(ours)));
    RUN.forEach((path, ours) -> offset("struct kvm_run", path, ours));
    size("struct kvm_run", KvmRun.SIZE);
    SIZES.forEach(this::size);
    offset("struct kvm_irqchip", "chip", KvmArguments.IRQCHIP_STATE);
    offset("struct kvm_msrs", "entries", KvmArguments.LIST_HEADER);
    offset("struct kvm_cpuid2", "entries", KvmArguments.LIST_HEADER);
    offset("struct kvm_irq_routing", "entries", KvmArguments.LIST_HEADER);
    offset("struct kvm_xcrs", "xcrs", KvmArguments.XCRS_HEADER);
    for (KvmIoctl ioctl : KvmIoctl.values()) {
      number(ioctl.name(), ioctl.number());
    }
    for (KvmCapability capability : KvmCapability.values()) {
      number("KVM_CAP_" + capability.name(), capability.number());
    }
    for (int reason = 0; reason < 64; reason++) {
      String name = KvmRun.nameOf(reason);
      if (name.startsWith("KVM_")) {
        number(name, reason);
      }
    }
    CONSTANTS.forEach(this::number);
    assertTrue(expected.size() > 400, expected.size() + " of them");
    Map<String, String> actual = new TreeMap<>();
    for (String line : run()) {
      int space = line.indexOf(' ');
      actual.put(line.substring(0, space), line.substring(space + 1));
    }
    assertEquals(String.join("\n", lines(actual)), String.join("\n", lines(expected)));
  }

  private static List<String> lines(Map<String, String> map) {
    return map.entrySet().stream().map(e -> e.getKey() + " " + e.getValue()).toList();
  }

  private List<String> run() throws Exception {
    program.add("return 0; }");
    Path source = Files.write(dir.resolve("layout.c"), program);
    Path binary = dir.resolve("layout");
    Path log = dir.resolve("log");
    int compiled;
    try {
      compiled = exec(log, "gcc", "-w", "-o", binary.toString(), source.toString());
    } catch (IOException e) {
      assumeTrue(false, "no gcc here: " + e.getMessage());
      return List.of();
    }
    String said = Files.readString(log, StandardCharsets.UTF_8);
    assumeTrue(
        !said.contains("No such file") && !said.contains("older than"),
        () -> "no headers of Linux 6.0 or newer (Debian: linux-libc-dev): " + said);
    assertEquals(0, compiled, said);
    assertEquals(0, exec(log, binary.toString()));
    return Files.readAllLines(log);
  }

  private static int exec(Path log, String... command) throws Exception {
    Process process =
        new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(log.toFile()).start();
    try {
      assertTrue(process.waitFor(120, TimeUnit.SECONDS), "it does not end: " + command[0]);
      return process.exitValue();
    } finally {
      process.destroyForcibly();
    }
  }
}
