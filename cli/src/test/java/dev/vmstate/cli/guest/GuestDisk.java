package dev.vmstate.cli.guest;

import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/** The initial RAM disk: {@code guest/init.c}, compiled here and now, and a kernel's modules. */
final class GuestDisk {
  private GuestDisk() {}

  static Path build(GuestKernel kernel, Path folder) throws IOException, InterruptedException {
    HostTool.need("gcc", "gcc libc6-dev");
    Path source = folder.resolve("init.c");
    try (InputStream in = GuestDisk.class.getResourceAsStream("/guest/init.c")) {
      Files.write(source, in.readAllBytes());
    }
    Path program = folder.resolve("init");
    HostTool.run("gcc", "-O1", "-static", "-o", program.toString(), source.toString());
    Path disk = folder.resolve("initrd");
    try (Cpio archive = new Cpio(new BufferedOutputStream(Files.newOutputStream(disk)))) {
      archive.file("init", Files.readAllBytes(program));
      archive.folder("modules");
      String order = String.join("\n", kernel.modules()) + "\n";
      archive.file("modules/order", order.getBytes(StandardCharsets.US_ASCII));
      for (String name : kernel.modules()) {
        archive.file("modules/" + name + ".ko", kernel.module(name));
      }
    }
    return disk;
  }
}
