package dev.vmstate.core.kernel;

import dev.vmstate.core.paging.PagingMode;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Optional;

/**
 * Where a VMCOREINFO at the start of a page says that its kernel has its top table. What else it
 * says is {@code core.vmcoreinfo}'s; here it is a place to look at, no more.
 *
 * @param mode of the tables
 * @param root guest-physical address of swapper_pg_dir
 * @param release of the kernel
 */
record KernelHint(PagingMode mode, long root, String release) {
  private static final byte[] FIRST = "OSRELEASE=".getBytes(StandardCharsets.US_ASCII);
  private static final int PAGE = 4096;

  /** Before the text, in the note that a kexec'ed kernel would take over. */
  private static final int NOTE_HEAD = 24;

  static Optional<KernelHint> at(ByteBuffer bytes, int from) {
    boolean plain = starts(bytes, from);
    if (!plain && !starts(bytes, from + NOTE_HEAD)) {
      return Optional.empty();
    }
    int start = plain ? from : from + NOTE_HEAD;
    byte[] text = new byte[from + PAGE - start];
    bytes.get(start, text);
    return of(new String(text, StandardCharsets.ISO_8859_1));
  }

  private static boolean starts(ByteBuffer bytes, int from) {
    for (int i = 0; i < FIRST.length; i++) {
      if (bytes.get(from + i) != FIRST[i]) {
        return false;
      }
    }
    return true;
  }

  private static Optional<KernelHint> of(String text) {
    String release = value(text, "OSRELEASE");
    String table = value(text, "SYMBOL(swapper_pg_dir)");
    String base = value(text, "NUMBER(phys_base)");
    try {
      long virtual = Long.parseUnsignedLong(table, 16);
      if (virtual >>> 32 == 0) {
        boolean pae = value(text, "CONFIG_X86_PAE").equals("y");
        return Optional.of(
            new KernelHint(
                pae ? PagingMode.PAE : PagingMode.LEGACY_PSE, virtual - 0xc000_0000L, release));
      }
      boolean five = value(text, "NUMBER(pgtable_l5_enabled)").equals("1");
      return Optional.of(
          new KernelHint(
              five ? PagingMode.LONG5 : PagingMode.LONG4,
              virtual - KernelImage.START_KERNEL_MAP + Long.parseLong(base),
              release));
    } catch (NumberFormatException other) {
      return Optional.empty(); // text that only begins like one
    }
  }

  private static String value(String text, String key) {
    String line = key + "=";
    int at = text.startsWith(line) ? 0 : text.indexOf("\n" + line) + 1;
    if (at == 0 && !text.startsWith(line)) {
      return "";
    }
    int end = text.indexOf('\n', at);
    return end < 0 ? "" : text.substring(at + line.length(), end);
  }
}
