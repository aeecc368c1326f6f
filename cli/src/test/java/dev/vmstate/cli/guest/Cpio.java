package dev.vmstate.cli.guest;

import java.io.Closeable;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;

/**
 * Writes an archive as Linux unpacks it at boot: format newc, all files owned by root.
 *
 * <pre>
 * Archive ::= Entry* Entry("TRAILER!!!")
 * Entry   ::= "070701" Hex8{13} name NUL pad4 content pad4
 * </pre>
 *
 * <p>Source: {@code Documentation/driver-api/early-userspace/buffer-format.rst} (Linux 6.1).
 */
final class Cpio implements Closeable {
  private static final int FOLDER = 0040755;
  private static final int PROGRAM = 0100755;

  private final OutputStream out;
  private long written;
  private int inode;

  Cpio(OutputStream out) {
    this.out = out;
  }

  void folder(String name) throws IOException {
    entry(name, FOLDER, new byte[0]);
  }

  void file(String name, byte[] content) throws IOException {
    entry(name, PROGRAM, content);
  }

  private void entry(String name, int mode, byte[] content) throws IOException {
    byte[] nameBytes = (name + "\0").getBytes(StandardCharsets.US_ASCII);
    StringBuilder header = new StringBuilder("070701");
    int[] fields = {
      ++inode, mode, 0, 0, 1, 0, content.length, 0, 0, 0, 0, nameBytes.length, 0,
    };
    for (int field : fields) {
      header.append("%08x".formatted(field));
    }
    put(header.toString().getBytes(StandardCharsets.US_ASCII));
    put(nameBytes);
    pad();
    put(content);
    pad();
  }

  private void put(byte[] bytes) throws IOException {
    out.write(bytes);
    written += bytes.length;
  }

  private void pad() throws IOException {
    put(new byte[(int) (-written & 3)]);
  }

  @Override
  public void close() throws IOException {
    entry("TRAILER!!!", 0, new byte[0]);
    out.close();
  }
}
