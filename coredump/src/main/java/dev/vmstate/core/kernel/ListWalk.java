package dev.vmstate.core.kernel;

import dev.vmstate.memory.UnmappedAddressException;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * The entries of a {@code struct list_head}, from its head on. Ends at the head, at an entry seen
 * before, at one without memory, and after so many that no kernel has them.
 *
 * @param entries addresses of the {@code list_head}s in the entries
 * @param fault why it ended before the head, if so
 */
public record ListWalk(List<Long> entries, Optional<String> fault) {
  private static final int MOST = 16_384;

  public ListWalk {
    entries = List.copyOf(entries);
  }

  /** Of a list that has 16384 entries at most. */
  public static ListWalk of(KernelMemory memory, long head) throws IOException {
    return of(memory, head, MOST);
  }

  /**
   * Follows {@code next} from {@code head} on.
   *
   * @param most entries taken; what is longer is reported as a fault
   */
  public static ListWalk of(KernelMemory memory, long head, int most) throws IOException {
    return walk(memory, head, most, 0);
  }

  /** Follows {@code prev}: finds what is behind the place where a list is broken. */
  public static ListWalk backwards(KernelMemory memory, long head, int most) throws IOException {
    return walk(memory, head, most, memory.wordBytes());
  }

  private static ListWalk walk(KernelMemory memory, long head, int most, int pointer)
      throws IOException {
    List<Long> entries = new ArrayList<>();
    Set<Long> seen = new HashSet<>();
    try {
      long at = memory.word(head + pointer);
      while (at != head) {
        if (!seen.add(at)) {
          return new ListWalk(
              entries, Optional.of("comes back to 0x%x, not to its head".formatted(at)));
        }
        if (entries.size() == most) {
          return new ListWalk(entries, Optional.of("has more than %d entries".formatted(most)));
        }
        long next = memory.word(at + pointer);
        entries.add(at);
        at = next;
      }
      return new ListWalk(entries, Optional.empty());
    } catch (UnmappedAddressException broken) {
      return new ListWalk(
          entries, Optional.of("leads to 0x%x, where no RAM is".formatted(broken.address())));
    }
  }
}
