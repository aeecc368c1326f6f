package dev.vmstate.terminal;

import java.io.FileDescriptor;
import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;

/** Makes its terminal raw and says which keys come, until one of them tells it how to end. */
final class RawTerminalProbe {
  private RawTerminalProbe() {}

  public static void main(String[] args) throws IOException {
    OutputStream out = new FileOutputStream(FileDescriptor.out);
    try (FileInputStream in = new FileInputStream(FileDescriptor.in);
        RawTerminal terminal = RawTerminal.open().orElseThrow()) {
      say(out, "raw " + ProcessHandle.current().pid() + (terminal == null ? "?" : ""));
      while (true) {
        int key = in.read();
        say(out, "key " + key);
        if (key == 'q') {
          return;
        }
        if (key == 'x') {
          throw new IllegalStateException("as a bug would");
        }
      }
    }
  }

  private static void say(OutputStream out, String line) throws IOException {
    out.write((line + "\n").getBytes(StandardCharsets.US_ASCII));
  }
}
