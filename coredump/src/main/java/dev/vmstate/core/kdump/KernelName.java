package dev.vmstate.core.kdump;

import dev.vmstate.core.kernel.LinuxKernel;
import dev.vmstate.core.vmcoreinfo.Vmcoreinfo;
import dev.vmstate.kdump.Utsname;
import dev.vmstate.memory.UnmappedAddressException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Optional;
import java.util.OptionalLong;

/** What the header of a dump says of the kernel's name: what the kernel has in init_uts_ns. */
final class KernelName {
  private static final String MACHINE = "x86_64";
  private static final String MACHINE_32 = "i686";

  private KernelName() {}

  static Utsname of(Optional<LinuxKernel> kernel, Optional<Vmcoreinfo> info) throws IOException {
    String machine =
        kernel.isPresent() && kernel.get().image().memory().wordBytes() == 4 ? MACHINE_32 : MACHINE;
    if (kernel.isPresent() && info.isPresent()) {
      Optional<Utsname> own = inMemory(kernel.get(), info.get());
      if (own.isPresent()) {
        return own.get();
      }
    }
    String release =
        kernel.map(LinuxKernel::release).or(() -> info.map(Vmcoreinfo::release)).orElse("");
    return release.isEmpty()
        ? Utsname.ofMachine(machine)
        : new Utsname("Linux", "", release, "", machine, "");
  }

  private static Optional<Utsname> inMemory(LinuxKernel kernel, Vmcoreinfo info)
      throws IOException {
    OptionalLong namespace = info.symbol("init_uts_ns");
    if (namespace.isEmpty()) {
      return Optional.empty();
    }
    // Kernels before 6.0 do not say where the name is: first, or behind a kref. libkdumpfile, and
    // so drgn, takes a dump without the version that stands there for none.
    OptionalLong name = info.offset("uts_namespace.name");
    long[] offsets = name.isPresent() ? new long[] {name.getAsLong()} : new long[] {0, 4};
    for (long offset : offsets) {
      ByteBuffer bytes = ByteBuffer.allocate(Utsname.BYTES);
      try {
        kernel.image().memory().read(namespace.getAsLong() + offset, bytes);
      } catch (UnmappedAddressException e) {
        continue;
      }
      Utsname found = Utsname.decode(bytes.flip());
      if (found.release().equals(info.release())) {
        return Optional.of(found);
      }
    }
    return Optional.empty();
  }
}
