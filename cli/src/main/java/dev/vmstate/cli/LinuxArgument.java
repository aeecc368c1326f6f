package dev.vmstate.cli;

import dev.vmstate.core.objects.KernelObjects;
import dev.vmstate.exchange.GuestLog;
import dev.vmstate.exchange.GuestObjects;
import dev.vmstate.snapshot.Snapshot;
import java.io.IOException;
import java.nio.file.Path;
import picocli.CommandLine.Mixin;

/** The SNAPSHOT of a command that asks the guest's Linux kernel. */
final class LinuxArgument {
  @Mixin private SnapshotArgument snapshot;
  @Mixin private Below4g below4g;

  @Mixin private VmlinuxOption vmlinux;

  /** Opened read-only; nothing of it was read yet. */
  Snapshot open() throws IOException {
    Snapshot opened = snapshot.open();
    try {
      below4g.apply(opened);
      return opened;
    } catch (RuntimeException e) {
      opened.close();
      throw e;
    }
  }

  /** The structures of its kernel. */
  KernelObjects objects(Snapshot opened, Output output) throws IOException {
    try {
      return GuestObjects.of(opened, vmlinux.file(), output.progress());
    } catch (IOException e) {
      throw placed(e);
    }
  }

  /** The log of its kernel, which needs less than {@link #objects}. */
  GuestLog log(Snapshot opened, Output output) throws IOException {
    if (vmlinux.file().isPresent()) {
      return GuestLog.of(objects(opened, output));
    }
    try {
      return GuestLog.of(opened, output.progress());
    } catch (IOException e) {
      throw placed(e);
    }
  }

  /** With the snapshot's name, unless it says already in which file. */
  private IOException placed(IOException e) {
    String message = String.valueOf(e.getMessage());
    boolean said =
        message.startsWith(snapshot.source().toString())
            || vmlinux.file().map(Path::toString).filter(message::startsWith).isPresent();
    return said ? e : snapshot.notThere(e);
  }
}
