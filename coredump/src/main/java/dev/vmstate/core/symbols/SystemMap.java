package dev.vmstate.core.symbols;

import dev.vmstate.core.kallsyms.SymbolTable;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;

/**
 * Symbols as text, byte for byte as the guest's {@code /proc/kallsyms} prints them to root, which
 * for vmlinux is the form of a System.map at run-time addresses:
 *
 * <pre>
 * Line ::= Address " " Type " " Name ["\t[" Module "]"] "\n"
 * </pre>
 *
 * The address has all 16 digits (8 for a 32-bit kernel). vmlinux' symbols come first, in ascending
 * order, then each module's as the kernel keeps them.
 */
public final class SystemMap {
  private static final byte[] DIGITS = "0123456789abcdef".getBytes(StandardCharsets.US_ASCII);
  private static final int PIECE = 1 << 16;

  private SystemMap() {}

  /**
   * Writes all of {@code symbols}.
   *
   * @param wordBytes of the kernel, 8 or 4
   */
  public static void write(SymbolTable symbols, int wordBytes, OutputStream out)
      throws IOException {
    byte[] buffer = new byte[PIECE];
    int at = 0;
    for (int i = 0; i < symbols.size(); i++) {
      byte[] name = symbols.name(i).getBytes(StandardCharsets.ISO_8859_1);
      byte[] module = symbols.module(i).getBytes(StandardCharsets.ISO_8859_1);
      int most = 2 * wordBytes + name.length + module.length + 7;
      if (most > buffer.length - at) {
        out.write(buffer, 0, at);
        at = 0;
        buffer = most > buffer.length ? new byte[most] : buffer;
      }
      long address = symbols.address(i);
      for (int shift = 8 * wordBytes - 4; shift >= 0; shift -= 4) {
        buffer[at++] = DIGITS[(int) (address >>> shift) & 0xf];
      }
      buffer[at++] = ' ';
      buffer[at++] = (byte) symbols.type(i);
      buffer[at++] = ' ';
      at = append(name, buffer, at);
      if (module.length > 0) {
        buffer[at++] = '\t';
        buffer[at++] = '[';
        at = append(module, buffer, at);
        buffer[at++] = ']';
      }
      buffer[at++] = '\n';
    }
    out.write(buffer, 0, at);
  }

  private static int append(byte[] text, byte[] buffer, int at) {
    System.arraycopy(text, 0, buffer, at, text.length);
    return at + text.length;
  }
}
