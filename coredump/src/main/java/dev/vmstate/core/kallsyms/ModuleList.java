package dev.vmstate.core.kallsyms;

import dev.vmstate.core.kernel.KernelImage;
import dev.vmstate.core.kernel.KernelMemory;
import dev.vmstate.core.kernel.ListWalk;
import dev.vmstate.memory.UnmappedAddressException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.OptionalLong;

/**
 * Finds {@code modules}, the head of the kernel's list of modules, where no symbol tells (without
 * CONFIG_KALLSYMS_ALL): the {@code list_head} in the image whose two neighbours lie behind the
 * image, point back to it, and have a module's name behind them.
 */
final class ModuleList {
  private static final int PIECE = 1 << 20;
  private static final int MOST_NAME = 56;

  /** Heads with two such neighbours; RAM can be made to have millions. */
  private static final int MOST_TRIED = 64;

  private ModuleList() {}

  static OptionalLong find(KernelImage image) throws IOException {
    ImageBytes bytes = new ImageBytes(image);
    KernelMemory memory = image.memory();
    int word = memory.wordBytes();
    int tried = 0;
    byte[] piece = new byte[(int) Math.min(PIECE, bytes.length()) + word];
    for (long at = 0; at < bytes.length(); at += PIECE) {
      int count = (int) Math.min(piece.length, bytes.length() - at);
      bytes.read(at, piece, 0, count);
      ByteBuffer words = ByteBuffer.wrap(piece, 0, count).order(ByteOrder.LITTLE_ENDIAN);
      for (int i = 0; i + 2 * word <= count; i += word) {
        long next = word == 8 ? words.getLong(i) : words.getInt(i) & 0xffff_ffffL;
        if (next % word == 0 && behind(image, next)) {
          long last = word == 8 ? words.getLong(i + 8) : words.getInt(i + 4) & 0xffff_ffffL;
          long head = bytes.virtual(at + i);
          if (last % word == 0
              && behind(image, last)
              && pointsBack(memory, head, next, last)
              && tried++ < MOST_TRIED
              && isList(memory, head)) {
            return OptionalLong.of(head);
          }
        }
      }
    }
    return OptionalLong.empty();
  }

  private static boolean behind(KernelImage image, long address) {
    return Long.compareUnsigned(address, image.end()) >= 0;
  }

  private static boolean pointsBack(KernelMemory memory, long head, long next, long last)
      throws IOException {
    int word = memory.wordBytes();
    try {
      return memory.word(next + word) == head
          && memory.word(last) == head
          && isName(memory.string(next + 2L * word, MOST_NAME))
          && isName(memory.string(last + 2L * word, MOST_NAME));
    } catch (UnmappedAddressException other) {
      return false;
    }
  }

  private static boolean isList(KernelMemory memory, long head) throws IOException {
    return ModuleLayout.guess(memory, ListWalk.of(memory, head).entries()).isPresent();
  }

  static boolean isName(String text) {
    return !text.isEmpty()
        && text.chars()
            .allMatch(
                c ->
                    c >= 'a' && c <= 'z'
                        || c >= 'A' && c <= 'Z'
                        || c >= '0' && c <= '9'
                        || c == '_'
                        || c == '-');
  }
}
