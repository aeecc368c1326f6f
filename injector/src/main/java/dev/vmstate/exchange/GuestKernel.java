package dev.vmstate.exchange;

import dev.vmstate.bytes.FormatException;
import dev.vmstate.bytes.Progress;
import dev.vmstate.core.kernel.LinuxKernel;
import dev.vmstate.core.symbols.SymbolsVmcoreinfo;
import dev.vmstate.core.vmcoreinfo.GuestVmcoreinfo;
import dev.vmstate.core.vmcoreinfo.VmcoreinfoDevice;
import dev.vmstate.core.vmcoreinfo.VmcoreinfoPages;
import dev.vmstate.memory.GuestMemory;
import dev.vmstate.memory.UnmappedAddressException;
import dev.vmstate.snapshot.Snapshot;
import java.io.IOException;
import java.util.List;
import java.util.Optional;

/**
 * The Linux that runs in a snapshot, and what goes into a core of it.
 *
 * @param kernel empty when the guest is no Linux
 * @param vmcoreinfo its own, or one made of its symbols
 */
public record GuestKernel(Optional<LinuxKernel> kernel, Optional<GuestVmcoreinfo> vmcoreinfo) {
  /** No Linux, or none looked for. */
  public static final GuestKernel NONE = new GuestKernel(Optional.empty(), Optional.empty());

  /**
   * The kernel alone, without what goes into a core, in a snapshot of which nothing was read yet.
   *
   * @throws IOException when the guest is no Linux
   */
  static LinuxKernel find(Snapshot snapshot, Progress progress) throws IOException {
    GuestMemory memory = CheckedMap.memory(snapshot, progress);
    return LinuxKernel.find(memory, snapshot.cpus())
        .orElseThrow(
            () ->
                new IOException(
                    snapshot.source()
                        + ": no Linux kernel found: neither the CPUs' page tables nor RAM lead to one"));
  }

  /** Looks for it, in a snapshot of which nothing was read yet. */
  public static GuestKernel of(Snapshot snapshot, Progress progress) throws IOException {
    snapshot.randomAccess(progress);
    VmcoreinfoVisitor passed = new VmcoreinfoVisitor(snapshot.pageSize());
    snapshot.scan(passed, progress); // which leaves the index
    return of(snapshot, CheckedMap.memory(snapshot, progress), passed.pages());
  }

  /**
   * Looks for it.
   *
   * @param memory the snapshot's
   * @param passed what was noticed when all pages passed
   */
  public static GuestKernel of(Snapshot snapshot, GuestMemory memory, VmcoreinfoPages passed)
      throws IOException {
    Optional<LinuxKernel> found = LinuxKernel.find(memory, snapshot.cpus());
    if (found.isEmpty()) {
      return NONE;
    }
    LinuxKernel kernel = found.get();
    for (String other : passed.others(kernel)) {
      kernel = kernel.with(other);
    }
    return new GuestKernel(Optional.of(kernel), vmcoreinfo(snapshot, kernel, passed));
  }

  private static Optional<GuestVmcoreinfo> vmcoreinfo(
      Snapshot snapshot, LinuxKernel kernel, VmcoreinfoPages passed) throws IOException {
    try {
      return GuestVmcoreinfo.of(
          kernel,
          VmcoreinfoDevice.of(snapshot.devices()),
          passed,
          List.of(new SymbolsVmcoreinfo()));
    } catch (FormatException | UnmappedAddressException | OutOfMemoryError broken) {
      return Optional.empty(); // a kernel's structures need not be whole; the rest of a core is
    }
  }
}
