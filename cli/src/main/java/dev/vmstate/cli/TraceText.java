package dev.vmstate.cli;

import dev.vmstate.machine.ExitTrace;
import java.io.PrintWriter;
import java.util.Set;

/** Every exit on a line of its own: {@code io out 0x3f8 size 1 value 0x34}. */
final class TraceText implements ExitTrace {
  /** What {@code --trace} takes. */
  enum Shown {
    IO(Kind.IO),
    MMIO(Kind.MMIO),
    HLT(Kind.HLT),
    OTHER(Kind.OTHER);

    private final Kind kind;

    Shown(Kind kind) {
      this.kind = kind;
    }

    @Override
    public String toString() {
      return name().toLowerCase(java.util.Locale.ROOT);
    }
  }

  private final Set<Shown> shown;
  private final boolean several;
  private final PrintWriter err;

  /** {@code several}: lines say which vCPU. */
  TraceText(Set<Shown> shown, boolean several, PrintWriter err) {
    this.shown = Set.copyOf(shown);
    this.several = several;
    this.err = err;
  }

  @Override
  public void exit(int vcpu, Kind kind, long address, int size, boolean write, long value) {
    if (shown.stream().noneMatch(one -> one.kind == kind)) {
      return;
    }
    String what =
        switch (kind) {
          case IO -> values(write ? "io out" : "io in", address, size, value);
          case MMIO -> values(write ? "mmio write" : "mmio read", address, size, value);
          case HLT -> "hlt";
          case OTHER -> "exit %d".formatted(address);
        };
    err.println(several ? "cpu %d %s".formatted(vcpu, what) : what);
  }

  private static String values(String what, long address, int size, long value) {
    return "%s 0x%x size %d value 0x%x".formatted(what, address, size, value);
  }
}
