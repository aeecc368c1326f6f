package dev.vmstate.container;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** A volume that holds a stream from its first byte on, as Proxmox VE keeps them. */
public final class BlockDevice {
  private static final int S_IFMT = 0170000;
  private static final int S_IFBLK = 0060000;

  private BlockDevice() {}

  /** Whether {@code file} is one. */
  public static boolean is(Path file) throws IOException {
    if (!file.getFileSystem().supportedFileAttributeViews().contains("unix")) {
      return false;
    }
    return ((Integer) Files.getAttribute(file, "unix:mode") & S_IFMT) == S_IFBLK;
  }
}
