package dev.vmstate.core.process;

import dev.vmstate.core.objects.KernelObject;
import dev.vmstate.core.objects.KernelObjects;
import dev.vmstate.cpu.Register;
import dev.vmstate.cpu.X86Cpu;
import dev.vmstate.cpu.XsaveArea;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * Finds the FPU and vector registers of threads. The kernel leaves them in the CPU for as long as
 * it can: they are there while the thread is in user mode, and in the kernel while the CPU's {@code
 * fpu_fpregs_owner_ctx} is the thread's {@code struct fpu} and that says the same CPU. Else they
 * are in memory: in the {@code fpstate} that {@code struct fpu} points to (5.16), before in itself.
 * Since 6.16 {@code struct fpu} is behind the {@code task_struct} and no member of it.
 */
final class ThreadVectors {
  private static final int MOST_BYTES = 16_384;

  /** Of {@code union fpregs_state}, where nothing says how much of it is in use. */
  private static final int UNION_BYTES = 4096;

  /**
   * Above it are kernels of i386, whatever VMSPLIT they have: FIP and FDP in user mode are below.
   */
  private static final long LEAST_KERNEL32 = 0xc000_0000L;

  private static final int INSTRUCTION = 8;
  private static final int OPERAND = 16;
  private static final int PADDING = 416;
  private static final int XSTATE_BV = 512;
  private static final int BOUNDS = 960;
  private static final int BOUNDS_END = 1024;
  private static final long BNDREGS = 1 << 3;

  private final KernelObjects objects;
  private final RunningTasks running;
  private final XstateLayout layout;

  ThreadVectors(KernelObjects objects, RunningTasks running, List<X86Cpu> cpus) throws IOException {
    this.objects = objects;
    this.running = running;
    long xcr0 =
        cpus.stream()
            .flatMap(cpu -> cpu.find("xcr0").stream())
            .mapToLong(Register::value)
            .findFirst()
            .orElse(0);
    this.layout = XstateLayout.of(objects, xcr0);
  }

  XstateLayout layout() {
    return layout;
  }

  /**
   * What a thread has.
   *
   * @param image its registers
   * @param mask components it may have
   * @param pkru its protection keys, where they are not among the components
   */
  record Vectors(Xstate image, long mask, OptionalLong pkru) {}

  /** Of a thread; empty where neither a CPU nor memory has them. */
  Optional<Vectors> of(KernelObject task) throws IOException {
    Optional<KernelObject> fpu = fpu(task);
    Optional<RunningTasks.Running> on = running.of(task.address());
    Optional<KernelObject> state =
        fpu.isPresent() && fpu.get().has("fpstate")
            ? fpu.get().follow("fpstate", "fpstate")
            : Optional.empty();
    long mask =
        state.isPresent() && state.get().has("user_xfeatures")
            ? state.get().number("user_xfeatures")
            : layout.features();
    if (on.isPresent() && (on.get().inUserMode() || fpu.isPresent() && owns(fpu.get(), on.get()))) {
      Optional<Xstate> live = live(on.get().cpu());
      if (live.isPresent()) {
        OptionalLong pkru =
            on.get()
                .cpu()
                .find("pkru")
                .map(r -> OptionalLong.of(r.value()))
                .orElse(OptionalLong.empty());
        return Optional.of(new Vectors(live.get(), mask, pkru));
      }
    }
    OptionalLong pkru =
        task.has("thread.pkru")
            ? OptionalLong.of(task.number("thread.pkru"))
            : OptionalLong.empty();
    Optional<Xstate> saved = fpu.isPresent() ? saved(fpu.get(), state) : Optional.empty();
    return saved.map(image -> new Vectors(image, mask, pkru));
  }

  private Optional<KernelObject> fpu(KernelObject task) throws IOException {
    if (task.has("thread.fpu.last_cpu")) {
      return Optional.of(objects.at("fpu", task.at("thread.fpu")));
    }
    OptionalLong size = objects.types().size("task_struct");
    return task.has("thread.fpu") || size.isEmpty() || objects.types().size("fpu").isEmpty()
        ? Optional.empty()
        : Optional.of(objects.at("fpu", task.address() + size.getAsLong()));
  }

  private boolean owns(KernelObject fpu, RunningTasks.Running on) throws IOException {
    OptionalLong owner = objects.address("fpu_fpregs_owner_ctx");
    return owner.isPresent()
        && objects.memory().word(owner.getAsLong() + on.base()) == fpu.address()
        && fpu.number("last_cpu") == on.number();
  }

  /**
   * As the kernel would save it now. QEMU's TCG remembers where the last x87 instruction was, the
   * kernel's own ones too, which no process may see; FXSAVE under TCG gives zeros for it.
   */
  private Optional<Xstate> live(X86Cpu cpu) {
    Optional<byte[]> whole = XsaveArea.of(cpu);
    if (whole.isEmpty()) {
      return Optional.empty();
    }
    byte[] area =
        layout.size() == 0 ? Arrays.copyOf(whole.get(), XstateLayout.LEGACY) : whole.get();
    ByteBuffer words = ByteBuffer.wrap(area).order(ByteOrder.LITTLE_ENDIAN);
    if (isKernel(words.getLong(INSTRUCTION)) || isKernel(words.getLong(OPERAND))) {
      Arrays.fill(area, INSTRUCTION, OPERAND + 8, (byte) 0);
    }
    if (layout.size() == 0) {
      Arrays.fill(area, PADDING, XstateLayout.LEGACY, (byte) 0);
    } else if (area.length >= BOUNDS_END && zeros(words, BOUNDS, BOUNDS_END)) {
      words.putLong(XSTATE_BV, words.getLong(XSTATE_BV) & ~BNDREGS); // as CPUs do when unused
    }
    return Optional.of(new Xstate(layout, area, XstateLayout.qemuOffsets()));
  }

  private boolean isKernel(long address) {
    return address < 0 || objects.memory().wordBytes() == 4 && address >= LEAST_KERNEL32;
  }

  private static boolean zeros(ByteBuffer words, int from, int to) {
    for (int i = from; i < to; i++) {
      if (words.get(i) != 0) {
        return false;
      }
    }
    return true;
  }

  private Optional<Xstate> saved(KernelObject fpu, Optional<KernelObject> state)
      throws IOException {
    long at;
    long bytes;
    if (state.isPresent()) {
      at = state.get().at("regs");
      bytes = state.get().number("size");
    } else if (fpu.has("state")) {
      at = fpu.at("state");
      bytes = UNION_BYTES;
    } else {
      return Optional.empty();
    }
    int least = layout.size() == 0 ? XstateLayout.LEGACY : XstateLayout.HEADER_END;
    int count = (int) Math.min(Math.max(bytes, least), MOST_BYTES);
    return Optional.of(new Xstate(layout, objects.memory().bytes(at, count), layout.offsets()));
  }
}
