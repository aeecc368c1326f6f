package dev.vmstate.exchange;

import dev.vmstate.bytes.Progress;
import dev.vmstate.core.kernel.LinuxKernel;
import dev.vmstate.core.objects.KernelObjects;
import dev.vmstate.core.symbols.GuestSymbols;
import dev.vmstate.memory.GuestMemory;
import dev.vmstate.snapshot.Snapshot;
import java.io.IOException;
import java.util.Optional;

/** The structures of the Linux kernel in a snapshot. */
public final class GuestObjects {
  private GuestObjects() {}

  /**
   * Finds the kernel, its symbols and its types; modules' are left out.
   *
   * @throws IOException when there is no Linux, or one that does not say how its structures are
   *     laid out
   */
  public static KernelObjects of(Snapshot snapshot, Progress progress) throws IOException {
    GuestMemory memory = CheckedMap.memory(snapshot, progress);
    Optional<LinuxKernel> kernel = LinuxKernel.find(memory, snapshot.cpus());
    if (kernel.isEmpty()) {
      throw new IOException(
          snapshot.source()
              + ": no Linux kernel found: neither the CPUs' page tables nor RAM lead to one");
    }
    GuestSymbols symbols = GuestSymbols.ofImage(kernel.get());
    if (symbols.types().isEmpty()) {
      throw new IOException(
          "%s: Linux %s has no BTF (CONFIG_DEBUG_INFO_BTF is off): nobody says how its structures are laid out"
              .formatted(snapshot.source(), kernel.get().release()));
    }
    return new KernelObjects(kernel.get(), symbols.symbols(), symbols.types().get());
  }
}
