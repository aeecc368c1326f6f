package dev.vmstate.core.vmcoreinfo;

import dev.vmstate.core.kernel.LinuxKernel;
import dev.vmstate.memory.GuestMemory;
import dev.vmstate.memory.MemoryMap;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/** Looks at the start of every page of RAM, once and in order. Collects all there is. */
public final class VmcoreinfoPages {
  private static final int PAGE = 4096;
  private static final int STEP = 1 << 20;

  /** Copies of two kernels, twice each, and some more. */
  private static final int MOST = 16;

  private final List<Vmcoreinfo> found = new ArrayList<>();

  /**
   * Looks at pages that pass.
   *
   * @param bytes whole pages that follow each other
   * @param length of them together
   */
  void look(byte[] bytes, int length) {
    for (int at = 0; at + PAGE <= length && found.size() < MOST; at += PAGE) {
      if (Vmcoreinfo.mayBe(bytes, at)) {
        Vmcoreinfo.at(bytes, at, Math.min(2 * PAGE, length - at)).ifPresent(found::add);
      }
    }
  }

  /** Adds one that somebody else saw pass. */
  public void add(Vmcoreinfo info) {
    if (found.size() < MOST) {
      found.add(info);
    }
  }

  /** Whether this very text has passed. */
  public boolean has(byte[] text) {
    return found.stream().anyMatch(info -> Arrays.equals(info.bytes(), text));
  }

  /**
   * What else has passed: sentences on kernels that do not run, but have left a VMCOREINFO.
   *
   * @param kernel the one that runs
   */
  public List<String> others(LinuxKernel kernel) throws IOException {
    Set<String> lines = new LinkedHashSet<>();
    for (Vmcoreinfo info : found) {
      if (!GuestVmcoreinfo.agree(info, kernel)) {
        lines.add(
            "RAM also holds the VMCOREINFO of Linux %s, moved by 0x%x, which no CPU runs: from before a reboot, a kexec or a crash, or loaded for one."
                .formatted(info.release(), info.kernelOffset().orElse(0)));
      }
    }
    return List.copyOf(lines);
  }

  /** That of {@code kernel}, of all that RAM holds. */
  static Optional<GuestVmcoreinfo> in(LinuxKernel kernel) throws IOException {
    VmcoreinfoPages pages = new VmcoreinfoPages();
    GuestMemory memory = kernel.image().memory().physical();
    byte[] bytes = new byte[STEP + PAGE];
    for (MemoryMap.Range range : memory.map().ranges()) {
      // A page more than the step: a note may go on there.
      for (long at = range.start() + PAGE - 1 & -PAGE; at < range.end(); at += STEP) {
        int length = (int) Math.min(STEP + PAGE, range.end() - at & -PAGE);
        if (memory.isZero(range.block(), range.offset() + (at - range.start()), length)) {
          continue;
        }
        memory.readPhysical(at, ByteBuffer.wrap(bytes, 0, length));
        pages.look(bytes, length);
      }
    }
    return pages.of(kernel);
  }

  /** That of {@code kernel}, of what has passed. */
  public Optional<GuestVmcoreinfo> of(LinuxKernel kernel) throws IOException {
    for (Vmcoreinfo info : found) {
      if (GuestVmcoreinfo.agree(info, kernel)) {
        return Optional.of(new GuestVmcoreinfo(info, "found by a look at every page of RAM"));
      }
    }
    return Optional.empty();
  }
}
