package dev.vmstate.cli;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.vmstate.bytes.Progress;
import dev.vmstate.core.kernel.LinuxKernel;
import dev.vmstate.core.vmcoreinfo.GuestVmcoreinfo;
import dev.vmstate.exchange.GuestKernel;
import dev.vmstate.snapshot.Snapshot;
import java.io.IOException;
import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;

/** What {@code info --kernel} adds: the guest's Linux kernel, by its own page tables. */
final class KernelText {
  private final Optional<LinuxKernel> kernel;
  private final Optional<GuestVmcoreinfo> vmcoreinfo;

  private KernelText(Optional<LinuxKernel> kernel, Optional<GuestVmcoreinfo> vmcoreinfo) {
    this.kernel = kernel;
    this.vmcoreinfo = vmcoreinfo;
  }

  /** Looks for it, in all of RAM where it has to; nothing of the snapshot was read yet. */
  static KernelText of(Snapshot snapshot, Progress progress) throws IOException {
    GuestKernel found = GuestKernel.of(snapshot, progress);
    return new KernelText(found.kernel(), found.vmcoreinfo());
  }

  /** The value of {@code "kernel"}: null when there is no Linux. */
  void json(ObjectNode info) {
    if (kernel.isEmpty()) {
      info.putNull("kernel");
      return;
    }
    LinuxKernel linux = kernel.get();
    ObjectNode node = JsonNodeFactory.instance.objectNode();
    node.put("release", linux.release())
        .put("banner", linux.banner())
        .put("kernelOffset", Facts.hex(linux.kernelOffset()))
        .put("physBase", linux.physBase())
        .put("imageStart", Facts.hex(linux.image().start()))
        .put("imageEnd", Facts.hex(linux.image().end()))
        .put("levels", linux.levels());
    base(node, "pageOffsetBase", linux.pageOffsetBase());
    base(node, "vmallocBase", linux.vmallocBase());
    base(node, "vmemmapBase", linux.vmemmapBase());
    node.put("vmcoreinfo", whence());
    evidence(linux).forEach(node.putArray("evidence")::add);
    info.set("kernel", node);
  }

  private String whence() {
    return vmcoreinfo.map(info -> info.made() ? "made" : "found").orElse("none");
  }

  private static void base(ObjectNode node, String key, OptionalLong value) {
    if (value.isPresent()) {
      node.put(key, Facts.hex(value.getAsLong()));
    }
  }

  private List<String> evidence(LinuxKernel linux) {
    List<String> all = new ArrayList<>(linux.evidence());
    all.add(
        vmcoreinfo
            .map(
                found ->
                    "VMCOREINFO of %d bytes %s."
                        .formatted(found.info().bytes().length, found.how()))
            .orElse("No VMCOREINFO of it in RAM."));
    return all;
  }

  void text(PrintWriter out) {
    if (kernel.isEmpty()) {
      out.println("  kernel     no Linux found");
      return;
    }
    LinuxKernel linux = kernel.get();
    out.printf(
        "  kernel     Linux %s at 0x%x, moved by 0x%x, phys_base %s0x%x; VMCOREINFO %s%n",
        linux.release(),
        linux.image().start(),
        linux.kernelOffset(),
        linux.physBase() < 0 ? "-" : "",
        Math.abs(linux.physBase()),
        whence());
    evidence(linux).forEach(line -> out.println("    " + line));
  }
}
