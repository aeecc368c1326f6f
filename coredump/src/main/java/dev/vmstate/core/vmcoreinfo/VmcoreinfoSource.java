package dev.vmstate.core.vmcoreinfo;

import dev.vmstate.core.kernel.LinuxKernel;
import java.io.IOException;
import java.util.Optional;

/** Somebody who may have a kernel's VMCOREINFO, or what to make one of. */
@FunctionalInterface
public interface VmcoreinfoSource {
  /** That of {@code kernel}, with a word on where it is from; empty when this source has none. */
  Optional<GuestVmcoreinfo> of(LinuxKernel kernel) throws IOException;
}
