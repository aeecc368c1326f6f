package dev.vmstate.exchange;

import dev.vmstate.bytes.Progress;
import dev.vmstate.container.FileSource;
import dev.vmstate.core.debuginfo.Vmlinux;
import dev.vmstate.core.debuginfo.VmlinuxMatch;
import dev.vmstate.core.kernel.LinuxKernel;
import dev.vmstate.core.layouts.KnownLayouts;
import dev.vmstate.core.layouts.LayoutTable;
import dev.vmstate.core.objects.KernelObjects;
import dev.vmstate.core.symbols.GuestSymbols;
import dev.vmstate.snapshot.Snapshot;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Optional;

/** The structures of the Linux kernel in a snapshot. */
public final class GuestObjects {
  private GuestObjects() {}

  /**
   * Finds the kernel, its symbols and its types; modules' are left out.
   *
   * @param vmlinux that kernel's with debug information, or a {@link LayoutTable} made of it, of
   *     guests that do not say themselves how their structures are laid out; a vmlinux stays open,
   *     for what is asked later
   * @throws IOException when there is no Linux, when {@code vmlinux} is another's, or when nobody
   *     says how structures are laid out
   */
  public static KernelObjects of(Snapshot snapshot, Optional<Path> vmlinux, Progress progress)
      throws IOException {
    // A wrong name is told before anything is read.
    Optional<LayoutTable> table =
        vmlinux.isEmpty() ? Optional.empty() : LayoutTable.read(vmlinux.get());
    Optional<Vmlinux> opened =
        vmlinux.isEmpty() || table.isPresent() ? Optional.empty() : open(vmlinux.get());
    LinuxKernel kernel = GuestKernel.find(snapshot, progress);
    if (opened.isPresent()) {
      return of(kernel, opened.get());
    }
    GuestSymbols symbols = GuestSymbols.ofImage(kernel);
    if (table.isPresent()) {
      return KnownLayouts.of(kernel, symbols.symbols(), table.get())
          .orElseThrow(
              () ->
                  new IOException(
                      "%s is of another build ('%s') than the guest's kernel ('%s')"
                          .formatted(vmlinux.get(), table.get().banner(), kernel.banner())));
    }
    if (symbols.types().isEmpty()) {
      Optional<KernelObjects> known = KnownLayouts.of(kernel, symbols.symbols());
      if (known.isPresent()) {
        return known.get();
      }
      throw new IOException(
          ("%s: Linux %s has no BTF (CONFIG_DEBUG_INFO_BTF is off) and is none of the kernels known"
                  + " here: nobody says how its structures are laid out; give vmlinux of its debug"
                  + " package or a table made of one (--vmlinux FILE)")
              .formatted(snapshot.source(), kernel.release()));
    }
    return new KernelObjects(kernel, symbols.symbols(), symbols.types().get());
  }

  /** The same for a kernel that says itself how its structures are laid out. */
  public static KernelObjects of(Snapshot snapshot, Progress progress) throws IOException {
    return of(snapshot, Optional.empty(), progress);
  }

  private static Optional<Vmlinux> open(Path file) throws IOException {
    FileSource source = new FileSource(file);
    try {
      return Optional.of(Vmlinux.open(source));
    } catch (IOException | RuntimeException e) {
      source.close();
      throw e;
    }
  }

  private static KernelObjects of(LinuxKernel kernel, Vmlinux vmlinux) throws IOException {
    Optional<String> difference = VmlinuxMatch.difference(vmlinux, kernel);
    if (difference.isPresent()) {
      throw new IOException(
          difference.get() + ": give the vmlinux of the same version's debug package");
    }
    return new KernelObjects(
        kernel, vmlinux.symbols(VmlinuxMatch.shift(vmlinux, kernel)), vmlinux.types());
  }
}
