package dev.vmstate.kvm;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFileAttributes;
import java.nio.file.attribute.PosixFilePermissions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DeviceAccessTest {
  @TempDir Path dir;

  private static final String USER = System.getProperty("user.name");

  @Test
  void aHostWithoutKvmIsToldWhatToLoadAndWhichGroupToJoin() {
    Path none = dir.resolve("kvm");
    KvmException refused = assertThrows(KvmException.class, () -> Kvm.open(none).close());
    assertEquals(
        none
            + ": not there: load the module (modprobe kvm_intel or kvm_amd; in a virtual machine or"
            + " a container it has to be passed in), and be in group kvm (usermod -aG kvm "
            + USER
            + ")",
        refused.getMessage());
  }

  @Test
  void theDevicesOwnGroupIsNamed() throws IOException {
    Path device = Files.createFile(dir.resolve("kvm"));
    Files.setPosixFilePermissions(device, PosixFilePermissions.fromString("rw-rw----"));
    String group = Files.readAttributes(device, PosixFileAttributes.class).group().getName();
    assertEquals(
        "%s: permission denied: join group %s (usermod -aG %s %s, as root) and log in again"
            .formatted(device, group, group, USER),
        DeviceAccess.refused(device, LibC.EACCES).getMessage());
  }

  @Test
  void aDeviceThatNoGroupMayUseIsGivenToOneFirst() throws IOException {
    Path device = Files.createFile(dir.resolve("kvm"));
    Files.setPosixFilePermissions(device, PosixFilePermissions.fromString("rw-------"));
    String owner = Files.readAttributes(device, PosixFileAttributes.class).owner().getName();
    assertEquals(
        "%s: permission denied: only %s may use it: chgrp kvm %s; chmod 660 %s; then join group kvm"
                .formatted(device, owner, device, device)
            + " (usermod -aG kvm %s, as root) and log in again".formatted(USER),
        DeviceAccess.refused(device, LibC.EACCES).getMessage());
  }

  @Test
  void anotherDeviceIsRefused() {
    KvmException refused =
        assertThrows(KvmException.class, () -> Kvm.open(Path.of("/dev/null")).close());
    assertEquals("/dev/null: is not KVM's device", refused.getMessage());
  }
}
