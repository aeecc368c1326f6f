package dev.vmstate.cli.guest;

import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.DigestInputStream;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.Random;

/** qcow2 images of a disk of 64 MiB with 4 MiB of data, made and judged by {@code qemu-img}. */
final class DiskImage {
  private static final int BYTES = 64 << 20;
  private static final int DATA = 4 << 20;

  private DiskImage() {}

  /** A new image; {@code options} as {@code qemu-img -o} takes them, or nothing. */
  static Path make(Path image, String options) throws IOException, InterruptedException {
    HostTool.need("qemu-img", "qemu-utils");
    Path raw = image.resolveSibling(image.getFileName() + ".raw");
    byte[] data = new byte[DATA];
    new Random(20240229).nextBytes(data);
    Files.write(raw, data);
    HostTool.run("truncate", "-s", Integer.toString(BYTES), raw.toString());
    String all = options.isEmpty() ? "compat=1.1" : options;
    HostTool.run(
        "qemu-img", "convert", "-f", "raw", "-O", "qcow2", "-o", all, raw + "", image + "");
    Files.delete(raw);
    return image;
  }

  /** {@code qemu-img check} finds neither an error nor a leak. */
  static void assertSound(Path image) throws IOException, InterruptedException {
    String said = HostTool.run("qemu-img", "check", "-f", "qcow2", image.toString());
    assertTrue(said.contains("No errors were found on the image."), said);
  }

  /** What is on the disk now, or was in a snapshot, as one hash. */
  static String contents(Path image, String... which) throws IOException, InterruptedException {
    Path raw = image.resolveSibling(image.getFileName() + ".contents");
    String[] words = {"qemu-img", "convert", "-f", "qcow2", "-O", "raw"};
    String[] all = new String[words.length + which.length + 2];
    System.arraycopy(words, 0, all, 0, words.length);
    System.arraycopy(which, 0, all, words.length, which.length);
    all[all.length - 2] = image.toString();
    all[all.length - 1] = raw.toString();
    HostTool.run(all);
    try {
      return hash(raw);
    } finally {
      Files.delete(raw);
    }
  }

  static String contentsOf(Path image, String snapshot) throws IOException, InterruptedException {
    return contents(image, "-l", "snapshot.name=" + snapshot);
  }

  /** SHA-256 of a file. */
  static String hash(Path file) throws IOException {
    try {
      MessageDigest digest = MessageDigest.getInstance("SHA-256");
      try (InputStream in = new DigestInputStream(Files.newInputStream(file), digest)) {
        in.transferTo(OutputStream.nullOutputStream());
      }
      return HexFormat.of().formatHex(digest.digest());
    } catch (NoSuchAlgorithmException e) {
      throw new AssertionError(e);
    }
  }
}
