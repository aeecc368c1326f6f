package dev.vmstate.kdump;

import dev.vmstate.bytes.Cursor;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/**
 * {@code struct new_utsname} of the dumped kernel, six fields of 65 bytes with NUL. QEMU fills in
 * the machine alone. Source: linux {@code uapi/linux/utsname.h}.
 *
 * @param release e.g. {@code 6.1.0-32-amd64}
 * @param machine e.g. {@code x86_64}
 */
public record Utsname(
    String sysname,
    String nodename,
    String release,
    String version,
    String machine,
    String domainname) {
  /** Bytes of all fields. */
  public static final int BYTES = 6 * 65;

  private static final int FIELD = 65;

  /** Reads the six fields; a field without NUL ends with its last byte. */
  public static Utsname decode(Cursor in) throws IOException {
    List<String> fields = new ArrayList<>();
    for (String name : List.of("sysname", "nodename", "release", "version", "machine", "domain")) {
      fields.add(upToNul(in.text(FIELD, "utsname." + name)));
    }
    return of(fields);
  }

  /** From the bytes a kernel has in its memory. */
  public static Utsname decode(ByteBuffer bytes) {
    List<String> fields = new ArrayList<>();
    for (int i = 0; i < 6; i++) {
      fields.add(
          upToNul(StandardCharsets.ISO_8859_1.decode(bytes.slice(i * FIELD, FIELD)).toString()));
    }
    return of(fields);
  }

  private static Utsname of(List<String> f) {
    return new Utsname(f.get(0), f.get(1), f.get(2), f.get(3), f.get(4), f.get(5));
  }

  /** A machine of which no more is known, as QEMU writes it. */
  public static Utsname ofMachine(String machine) {
    return new Utsname("", "", "", "", machine, "");
  }

  private static String upToNul(String text) {
    int nul = text.indexOf('\0');
    return nul < 0 ? text : text.substring(0, nul);
  }

  /** Appends {@link #BYTES} bytes; what is longer than its field is cut. */
  public void encode(ByteBuffer out) {
    for (String field : List.of(sysname, nodename, release, version, machine, domainname)) {
      byte[] bytes = field.getBytes(StandardCharsets.ISO_8859_1);
      byte[] padded = new byte[FIELD];
      System.arraycopy(bytes, 0, padded, 0, Math.min(bytes.length, FIELD - 1));
      out.put(padded);
    }
  }
}
