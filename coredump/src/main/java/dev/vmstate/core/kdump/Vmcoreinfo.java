package dev.vmstate.core.kdump;

import java.nio.charset.StandardCharsets;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The text a Linux kernel keeps for crash tools: {@code KEY=VALUE} lines. It stands in RAM at the
 * start of a page ({@code vmcoreinfo_data}), where a look at each page's first bytes finds it.
 *
 * <p>Source: {@code kernel/vmcore_info.c} (crash_core.c before 6.9).
 */
public final class Vmcoreinfo {
  private static final byte[] FIRST = "OSRELEASE=".getBytes(StandardCharsets.US_ASCII);
  private static final Pattern PHYS_BASE =
      Pattern.compile("^NUMBER\\(phys_base\\)=(-?\\d{1,19})$", Pattern.MULTILINE);
  private static final Pattern RELEASE =
      Pattern.compile("^OSRELEASE=([\\x21-\\x7e]{1,64})$", Pattern.MULTILINE);

  private final byte[] text;

  private Vmcoreinfo(byte[] text) {
    this.text = text;
  }

  /**
   * The text at the start of a page, if it is one.
   *
   * <p>A copy that a second kernel has begun to write, or the format string in the kernel's image,
   * has no symbols and is none.
   */
  static Optional<Vmcoreinfo> at(byte[] bytes, int from, int pageSize) {
    for (int i = 0; i < FIRST.length; i++) {
      if (bytes[from + i] != FIRST[i]) {
        return Optional.empty();
      }
    }
    int end = from;
    while (end < from + pageSize && bytes[end] != 0) {
      end++;
    }
    String all = new String(bytes, from, end - from, StandardCharsets.ISO_8859_1);
    boolean whole =
        all.endsWith("\n")
            && RELEASE.matcher(all).find()
            && all.contains("\nSYMBOL(_stext)=")
            && all.contains("\nPAGESIZE=");
    return whole
        ? Optional.of(new Vmcoreinfo(all.getBytes(StandardCharsets.ISO_8859_1)))
        : Optional.empty();
  }

  byte[] bytes() {
    return text.clone();
  }

  /** {@code OSRELEASE}. */
  public String release() {
    Matcher found = RELEASE.matcher(text());
    return found.find() ? found.group(1) : "";
  }

  /** {@code NUMBER(phys_base)}, which may be negative. */
  public OptionalLong physBase() {
    Matcher found = PHYS_BASE.matcher(text());
    try {
      return found.find() ? OptionalLong.of(Long.parseLong(found.group(1))) : OptionalLong.empty();
    } catch (NumberFormatException e) {
      return OptionalLong.empty();
    }
  }

  private String text() {
    return new String(text, StandardCharsets.ISO_8859_1);
  }
}
