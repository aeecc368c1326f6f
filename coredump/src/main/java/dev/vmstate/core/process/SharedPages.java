package dev.vmstate.core.process;

import dev.vmstate.core.objects.GuestWords;
import dev.vmstate.core.objects.KernelObject;
import dev.vmstate.core.tasks.Tasks;
import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;

/**
 * Which of some changed pages are not one process's alone: a file's (also a program's, as long as
 * nobody has written to it), shared memory, what a fork has left both with until one of them writes
 * to it, what KSM has made one of. A change of them is seen by others.
 *
 * @param why by guest-physical address, in words
 * @param places of all of them, by the process's addresses
 */
public record SharedPages(Map<Long, String> why, List<String> places) {
  private static final int MOST_PROCESSES = 16;
  private static final int MOST_PLACES = 8;

  /** {@code PAGE_MAPPING_KSM}: both low bits of {@code page->mapping}. */
  private static final long KSM = 3;

  public SharedPages {
    places = List.copyOf(places);
  }

  /**
   * Those among the pages that {@code changes} are of.
   *
   * @param space the process's
   * @throws IOException when nobody can tell
   */
  public static SharedPages of(
      AddressSpace space, PageFrames frames, Tasks tasks, List<CoreChange> changes)
      throws IOException {
    Map<Long, String> kinds = new LinkedHashMap<>();
    Set<Long> asked = new TreeSet<>();
    for (CoreChange change : changes) {
      PageFrames.Users users = frames.users(change.physical());
      KernelObject page = frames.at(change.physical());
      if (change.vma().special()) {
        kinds.put(change.physical(), "is the kernel's");
      } else if (!users.anonymous()) {
        kinds.put(change.physical(), "is in the page cache");
      } else if ((page.number("mapping") & KSM) == KSM) {
        kinds.put(change.physical(), "is one that KSM has merged");
      } else if (change.source() != PageSource.MAPPED) {
        kinds.put(change.physical(), "is in the swap cache");
      }
      if (users.mappings() != 1 || kinds.containsKey(change.physical())) {
        asked.add(change.physical());
      }
    }
    if (asked.isEmpty()) {
      return new SharedPages(Map.of(), List.of());
    }
    PageMappers mappers = PageMappers.of(space.objects(), tasks, asked, space.mm());
    if (!mappers.whole()) {
      throw new IOException(
          "there are more page tables than can be looked at: nobody knows who else has these pages");
    }
    Map<Long, String> why = new LinkedHashMap<>();
    List<String> places = new ArrayList<>();
    for (CoreChange change : changes) {
      Set<Integer> others = mappers.of(change.physical());
      String kind = kinds.get(change.physical());
      if (others.isEmpty() && kind == null) {
        continue;
      }
      String text = text(Optional.ofNullable(kind), others, mappers);
      why.put(change.physical(), text);
      String area = change.vma().name().isEmpty() ? change.vma().rights() : change.vma().name();
      places.add(
          "the page at 0x%x (%s) %s".formatted(change.virtual(), GuestWords.printable(area), text));
    }
    return new SharedPages(why, places);
  }

  private static String text(Optional<String> kind, Set<Integer> others, PageMappers mappers) {
    List<String> names = new ArrayList<>();
    others.stream()
        .limit(MOST_PROCESSES)
        .forEach(
            pid -> names.add("pid %d %s".formatted(pid, GuestWords.printable(mappers.name(pid)))));
    String more =
        others.size() > MOST_PROCESSES
            ? " and %d more".formatted(others.size() - MOST_PROCESSES)
            : "";
    String list = String.join(", ", names) + more;
    return others.isEmpty()
        ? kind.orElseThrow()
        : kind.map(text -> text + ", and of " + list).orElse("is of " + list + " too");
  }

  /** Whether there is none. */
  public boolean isEmpty() {
    return why.isEmpty();
  }

  /** Who else has a page. */
  public Optional<String> note(long physical) {
    return Optional.ofNullable(why.get(physical)).map("the page "::concat);
  }

  /** All of them, for an error. */
  public String text() {
    String list = String.join("; ", places.subList(0, Math.min(MOST_PLACES, places.size())));
    return places.size() > MOST_PLACES
        ? "%s; and %d more".formatted(list, places.size() - MOST_PLACES)
        : list;
  }
}
