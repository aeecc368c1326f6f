package dev.vmstate.kvm;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFileAttributes;
import java.nio.file.attribute.PosixFilePermission;
import java.util.Set;

/** Why {@code /dev/kvm} cannot be opened, in one line that ends with what to do about it. */
final class DeviceAccess {
  private DeviceAccess() {}

  static KvmException refused(Path device, int errno) {
    String user = System.getProperty("user.name", "");
    if (errno == LibC.ENOENT || errno == LibC.ENODEV || errno == LibC.ENXIO) {
      return new KvmException(
          "%s: not there: load the module (modprobe kvm_intel or kvm_amd; in a virtual machine or a"
                  .formatted(device)
              + " container it has to be passed in), and be in group kvm (usermod -aG kvm %s)"
                  .formatted(user),
          errno);
    }
    if (errno != LibC.EACCES && errno != LibC.EPERM) {
      return KvmException.of(device.toString(), errno);
    }
    String group = "kvm";
    String first = "";
    try {
      PosixFileAttributes is = Files.readAttributes(device, PosixFileAttributes.class);
      Set<PosixFilePermission> may = is.permissions();
      boolean groupMay =
          may.contains(PosixFilePermission.GROUP_READ)
              && may.contains(PosixFilePermission.GROUP_WRITE);
      if (groupMay) {
        group = is.group().getName();
      } else {
        first =
            "only %s may use it: chgrp kvm %s; chmod 660 %s; then "
                .formatted(is.owner().getName(), device, device);
      }
    } catch (IOException | UnsupportedOperationException e) {
      // Not even that may be looked at: the usual group, then.
      first = "";
    }
    return new KvmException(
        "%s: permission denied: %sjoin group %s (usermod -aG %s %s, as root) and log in again"
            .formatted(device, first, group, group, user),
        errno);
  }
}
