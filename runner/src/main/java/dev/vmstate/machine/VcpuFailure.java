package dev.vmstate.machine;

import dev.vmstate.kvm.KvmRun;
import dev.vmstate.kvm.VcpuFd;
import dev.vmstate.kvmstate.StateValue;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.OptionalLong;

/** What is said of a vCPU that cannot go on: why, its registers, and the bytes at {@code rip}. */
final class VcpuFailure {
  private static final int INSTRUCTION = 15;
  private static final int PAGE = 4096;
  private static final List<String> SEGMENTS =
      List.of("cs", "ss", "ds", "es", "fs", "gs", "tr", "ldt");

  private VcpuFailure() {}

  /** Why the exit that the vCPU stands at is the end. */
  static StopReason of(int index, VcpuFd vcpu, PhysicalRam ram) {
    KvmRun exit = vcpu.exit();
    int reason = exit.exitReason();
    String text =
        switch (reason) {
          case KvmRun.EXIT_SHUTDOWN -> "shut down: a triple fault, an exception without a handler";
          case KvmRun.EXIT_SYSTEM_EVENT -> "asked for the machine's end";
          case KvmRun.EXIT_FAIL_ENTRY ->
              "the processor refuses its state: hardware reason 0x%x"
                  .formatted(exit.failEntryReason());
          case KvmRun.EXIT_INTERNAL_ERROR -> internal(exit);
          default -> "has exit %d of KVM, which nothing here asks for".formatted(reason);
        };
    boolean asked = reason == KvmRun.EXIT_SHUTDOWN || reason == KvmRun.EXIT_SYSTEM_EVENT;
    return new StopReason(
        asked ? StopReason.Kind.SHUTDOWN : StopReason.Kind.FAILED,
        index,
        "vCPU %d %s".formatted(index, text),
        details(vcpu, ram));
  }

  private static String internal(KvmRun exit) {
    if (exit.suberror() != KvmRun.INTERNAL_ERROR_EMULATION) {
      return "has an internal error of KVM, %d %s"
          .formatted(exit.suberror(), hex(exit.internalData()));
    }
    byte[] bytes = exit.instructionBytes();
    return "is at an instruction that KVM cannot emulate on this host"
        + (bytes.length == 0 ? "" : ": " + HexFormat.ofDelimiter(" ").formatHex(bytes));
  }

  private static List<String> hex(long[] values) {
    List<String> text = new ArrayList<>();
    for (long value : values) {
      text.add("0x" + Long.toHexString(value));
    }
    return text;
  }

  /** Registers and the bytes at {@code rip}, as far as they can be had. */
  static List<String> details(VcpuFd vcpu, PhysicalRam ram) {
    try {
      StateValue regs = vcpu.regs();
      StateValue sregs = vcpu.sregs();
      List<String> lines = new ArrayList<>();
      for (int i = 0; i < BootRegisters.GENERAL.size(); i += 4) {
        int end = Math.min(i + 4, BootRegisters.GENERAL.size());
        lines.add(numbers(regs, BootRegisters.GENERAL.subList(i, end)));
      }
      lines.add(numbers(sregs, BootRegisters.CONTROL));
      for (String name : SEGMENTS) {
        lines.add(
            "%-3s selector=%04x base=%016x limit=%08x type=%x dpl=%d db=%d l=%d%s"
                .formatted(
                    name,
                    sregs.get(name + ".selector"),
                    sregs.get(name + ".base"),
                    sregs.get(name + ".limit"),
                    sregs.get(name + ".type"),
                    sregs.get(name + ".dpl"),
                    sregs.get(name + ".db"),
                    sregs.get(name + ".l"),
                    sregs.get(name + ".unusable") == 0 ? "" : " unusable"));
      }
      lines.add(code(regs, sregs, ram));
      return lines;
    } catch (IOException | RuntimeException e) {
      return List.of("registers cannot be read: " + e.getMessage());
    }
  }

  private static String numbers(StateValue of, List<String> names) {
    return String.join(
        " ", names.stream().map(name -> "%s=%016x".formatted(name, of.get(name))).toList());
  }

  private static String code(StateValue regs, StateValue sregs, PhysicalRam ram)
      throws IOException {
    long linear = regs.get("rip") + (sregs.get("cs.l") != 0 ? 0 : sregs.get("cs.base"));
    if (sregs.get("cs.l") == 0) {
      linear &= 0xffff_ffffL;
    }
    StringBuilder text = new StringBuilder("bytes at rip:");
    int read = 0;
    while (read < INSTRUCTION) {
      OptionalLong physical = LongModeWalk.physical(sregs, linear + read, ram);
      int length = (int) Math.min(INSTRUCTION - read, PAGE - (linear + read & PAGE - 1));
      if (physical.isEmpty() || !ram.has(physical.getAsLong(), length)) {
        text.append(read == 0 ? " 0x%x is no RAM".formatted(linear) : " (no RAM behind)");
        break;
      }
      ByteBuffer bytes = ByteBuffer.allocate(length);
      ram.read(physical.getAsLong(), bytes);
      text.append(' ').append(HexFormat.ofDelimiter(" ").formatHex(bytes.array()));
      read += length;
    }
    return text.toString();
  }
}
