package dev.vmstate.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assertions.fail;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.vmstate.fixtures.RequiredTool;
import java.io.Closeable;
import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.TimeUnit;

/**
 * libvirt's QEMU driver inside a virsh, with all its files below one directory: no daemon, nothing
 * of the system's libvirt. Domains outlive the virsh that started them: {@link #close} ends them.
 */
final class EmbeddedLibvirt implements Closeable {
  private static final String DOMAIN =
      """
      <domain type='qemu'>
        <name>small</name>
        <uuid>5f0b7f6e-7a3e-4f39-9d7e-00000000f1f1</uuid>
        <memory unit='MiB'>8</memory>
        <vcpu>1</vcpu>
        <os><type arch='x86_64' machine='pc'>hvm</type></os>
        <cpu mode='custom'><model>qemu64</model></cpu>
        <devices>
          <controller type='usb' model='none'/>
          <controller type='pci' index='1' model='pci-bridge'/>
          <interface type='user'>
            <mac address='52:54:00:f1:f1:01'/><model type='e1000'/><rom enabled='no'/>
          </interface>
          <interface type='user'>
            <mac address='52:54:00:f1:f1:02'/><model type='virtio'/><rom enabled='no'/>
            <address type='pci' bus='1' slot='3'/>
          </interface>
          <interface type='user'>
            <mac address='52:54:00:f1:f1:03'/><model type='e1000e'/><rom enabled='no'/>
          </interface>
          <memballoon model='none'/>
        </devices>
      </domain>
      """;

  private static final int NOBODY = 65534;

  /** virsh is not who the test is. */
  private static final Set<PosixFilePermission> EVERYBODY =
      PosixFilePermissions.fromString("rw-rw-rw-");

  private final Path root;

  EmbeddedLibvirt(Path root) throws IOException, InterruptedException {
    RequiredTool.require("virsh", "libvirt-clients libvirt-daemon libvirt-daemon-driver-qemu");
    RequiredTool.require("qemu-system-x86_64", "qemu-system-x86");
    this.root = root;
    Files.setPosixFilePermissions(root, PosixFilePermissions.fromString("rwxrwxrwx"));
    Files.createDirectories(root.resolve("etc"));
    saveAs("raw");
    String version = virsh(true, "version");
    if (!version.contains("QEMU")) {
      String why =
          "virsh has no QEMU driver: apt-get install libvirt-daemon-driver-qemu: " + version;
      if (System.getenv("VMSTATE_CI") != null) {
        fail(why);
      }
      assumeTrue(false, why);
    }
  }

  /** What 'save' writes from the next virsh on. */
  void saveAs(String format) throws IOException {
    Files.writeString(
        root.resolve("etc/qemu.conf"),
        "save_image_format = \"%s\"\nstdio_handler = \"file\"\n"
            .formatted(format)); // the other handler is a daemon
  }

  /** A domain without a disk, saved while its BIOS runs. */
  Path save(String file) throws IOException, InterruptedException {
    Path xml = Files.writeString(root.resolve("small.xml"), DOMAIN);
    Path image = root.resolve(file);
    virsh(false, "create " + xml, "save small " + image + " --running");
    Files.setPosixFilePermissions(image, EVERYBODY); // and so its edited copies
    return image;
  }

  /** Restores an image, asks the monitor, ends the domain; gives everything virsh said. */
  String restore(Path image, String... monitor) throws IOException, InterruptedException {
    String[] commands = new String[monitor.length + 3];
    commands[0] = "restore " + image;
    commands[1] = "domstate small";
    for (int i = 0; i < monitor.length; i++) {
      commands[2 + i] = "qemu-monitor-command small --hmp \"" + monitor[i] + "\"";
    }
    commands[commands.length - 1] = "destroy small";
    return virsh(false, commands);
  }

  /** Puts another domain XML into an image, as 'save-image-edit' does. */
  void define(Path image, String xml) throws IOException, InterruptedException {
    Path file = Files.writeString(root.resolve("define.xml"), xml);
    Files.setPosixFilePermissions(image, EVERYBODY);
    virsh(false, "save-image-define " + image + " " + file);
  }

  /** One virsh with these commands. */
  String virsh(boolean mayFail, String... commands) throws IOException, InterruptedException {
    List<String> command = new ArrayList<>();
    if (isRoot()) {
      // As root it wants the user libvirt-qemu, control groups, labels: a whole libvirt system.
      command.addAll(
          List.of("setpriv", "--reuid=" + NOBODY, "--regid=" + NOBODY, "--clear-groups"));
    }
    command.addAll(
        List.of("virsh", "-q", "-c", "qemu:///embed?root=" + root, String.join("; ", commands)));
    ProcessBuilder builder = new ProcessBuilder(command);
    builder.environment().put("HOME", root.toString());
    Process process =
        builder.redirectInput(new File("/dev/null")).redirectErrorStream(true).start();
    String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertTrue(process.waitFor(60, TimeUnit.SECONDS), said);
    if (!mayFail) {
      assertEquals(0, process.exitValue(), said);
    }
    return said;
  }

  @Override
  public void close() throws IOException {
    try {
      virsh(true, "destroy small");
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private static boolean isRoot() throws IOException {
    return Files.getAttribute(Path.of("/proc/self"), "unix:uid").equals(0);
  }
}
