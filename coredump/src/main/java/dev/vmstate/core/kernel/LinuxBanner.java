package dev.vmstate.core.kernel;

import dev.vmstate.core.paging.PageTables;
import dev.vmstate.memory.UnmappedAddressException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * What a Linux kernel says of itself first, in its constants: {@code linux_banner}. No other kernel
 * has it, so it tells Linux from whatever else is mapped at the same addresses.
 *
 * <p>Source: {@code init/version.c}, {@code init/version-timestamp.c} from 6.2 on.
 *
 * @param text without the line's end
 * @param release {@code UTS_RELEASE}, e.g. {@code 6.1.0-32-amd64}
 * @param address where it stands
 */
record LinuxBanner(String text, String release, long address) {
  private static final byte[] FIRST = "Linux version ".getBytes(StandardCharsets.US_ASCII);
  private static final int MOST_CHARS = 1024;
  private static final int STEP = 1 << 16;

  /** Where its first words are, but not the rest: in code that prints them, and its log. */
  private static final int MOST_TRIED = 4096;

  /** Constants follow the code, which has tens of megabytes. */
  private static final long MOST_BYTES = 128L << 20;

  /** Release, builder, compiler, then the number of the build: {@code UTS_VERSION}. */
  private static final Pattern WHOLE =
      Pattern.compile(
          "Linux version ([\\x21-\\x7e]{1,64}) \\([\\x20-\\x7e]*\\) #\\d[\\x20-\\x7e]*");

  /** The first one in the image. */
  static Optional<LinuxBanner> in(KernelImage image) throws IOException {
    PageTables tables = image.memory().tables();
    byte[] array = new byte[STEP];
    ByteBuffer bytes = ByteBuffer.wrap(array);
    int matched = 0;
    int tried = 0;
    long end = image.start() + Math.min(image.bytes(), MOST_BYTES);
    for (long at = image.start(); at < end; ) {
      PageTables.Reach reach = tables.reach(at);
      long left = Math.min(reach.bytes(), end - at);
      int length = (int) Math.min(STEP, left);
      boolean read = reach.mapped() && read(image, reach.physical(), bytes.clear().limit(length));
      if (!read) {
        matched = 0;
        // A large page may be RAM further on: only what is not mapped is passed over at once.
        at += reach.mapped() ? length : left;
        continue;
      }
      for (int i = 0; i < length; i++) {
        byte next = array[i];
        // 'L' stands at the start alone: what does not go on may only begin again.
        matched = next == FIRST[matched] ? matched + 1 : next == FIRST[0] ? 1 : 0;
        if (matched == FIRST.length) {
          matched = 0;
          Optional<LinuxBanner> found = at(image.memory(), at + i + 1 - FIRST.length);
          if (found.isPresent() || ++tried == MOST_TRIED) {
            return found;
          }
        }
      }
      at += length;
    }
    return Optional.empty();
  }

  private static boolean read(KernelImage image, long physical, ByteBuffer into)
      throws IOException {
    try {
      image.memory().physical().readPhysical(physical, into);
      return true;
    } catch (UnmappedAddressException outside) {
      return false;
    }
  }

  private static Optional<LinuxBanner> at(KernelMemory memory, long address) throws IOException {
    String text;
    try {
      text = memory.string(address, MOST_CHARS);
    } catch (UnmappedAddressException outside) {
      return Optional.empty();
    }
    int line = text.indexOf('\n');
    Matcher matcher = WHOLE.matcher(line < 0 ? text : text.substring(0, line));
    return matcher.matches()
        ? Optional.of(new LinuxBanner(matcher.group(), matcher.group(1), address))
        : Optional.empty();
  }
}
