package dev.vmstate.exchange;

import dev.vmstate.bytes.Progress;
import dev.vmstate.core.kernel.KernelTypes;
import dev.vmstate.core.kernel.LinuxKernel;
import dev.vmstate.core.log.BootClock;
import dev.vmstate.core.log.KernelLog;
import dev.vmstate.core.objects.KernelObjects;
import dev.vmstate.core.symbols.GuestSymbols;
import dev.vmstate.core.vmcoreinfo.GuestVmcoreinfo;
import dev.vmstate.core.vmcoreinfo.Vmcoreinfo;
import dev.vmstate.core.vmcoreinfo.VmcoreinfoTypes;
import dev.vmstate.snapshot.Snapshot;
import java.io.IOException;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * The log of the Linux in a snapshot. Types are asked first, and VMCOREINFO where there are none:
 * it has what the log needs.
 *
 * @param kernel whose log it is
 * @param log its records
 * @param boot nanoseconds from 1970 to the guest's boot, where its types tell
 */
public record GuestLog(LinuxKernel kernel, KernelLog log, OptionalLong boot) {
  /** Finds it by types. */
  public static GuestLog of(KernelObjects objects) throws IOException {
    return new GuestLog(
        objects.kernel(), KernelLog.of(objects, Optional.empty()), BootClock.boot(objects));
  }

  /** Finds it, in a snapshot of which nothing was read yet. */
  public static GuestLog of(Snapshot snapshot, Progress progress) throws IOException {
    LinuxKernel kernel = GuestKernel.find(snapshot, progress);
    GuestSymbols symbols = GuestSymbols.ofImage(kernel);
    if (symbols.types().isPresent() && symbols.symbols().size() > 0) {
      KernelTypes types = symbols.types().get();
      return of(new KernelObjects(kernel, symbols.symbols(), types));
    }
    Optional<Vmcoreinfo> info = GuestVmcoreinfo.inImage(kernel).map(GuestVmcoreinfo::info);
    if (info.isEmpty()) {
      info =
          GuestKernel.of(snapshot, progress)
              .vmcoreinfo()
              .filter(any -> !any.made())
              .map(GuestVmcoreinfo::info);
    }
    if (info.isEmpty()) {
      throw new IOException(
          "Linux %s has neither types (CONFIG_DEBUG_INFO_BTF) nor a VMCOREINFO: nobody says how its log is laid out"
              .formatted(kernel.release()));
    }
    int word = kernel.image().memory().wordBytes();
    KernelTypes types =
        symbols.types().isPresent() ? symbols.types().get() : new VmcoreinfoTypes(info.get(), word);
    KernelObjects objects = new KernelObjects(kernel, symbols.symbols(), types);
    return new GuestLog(kernel, KernelLog.of(objects, info), BootClock.boot(objects));
  }
}
