package dev.vmstate.cli;

import dev.vmstate.core.tasks.Family;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** Rows by parent, as {@code ps --forest} has them: children behind and a step to the right. */
final class PsTree {
  /** Deeper ones are not moved further: a guest could make the lines longer than memory. */
  private static final int MOST_STEPS = 40;

  private final Map<Integer, List<PsRow>> processes = new LinkedHashMap<>();
  private final Map<Integer, List<Integer>> children = new LinkedHashMap<>();

  private record Place(int tgid, int depth, String before, boolean last) {}

  private PsTree(List<PsRow> rows) {
    for (PsRow row : rows) {
      processes.computeIfAbsent(row.facts().tgid(), pid -> new ArrayList<>()).add(row);
    }
    processes.forEach(
        (tgid, of) -> {
          int parent = of.get(0).facts().family().map(Family::parent).orElse(0);
          children.computeIfAbsent(parent, pid -> new ArrayList<>()).add(tgid);
        });
  }

  /** The same rows; those whose parent is not among them, or among their children, come first. */
  static List<PsRow> of(List<PsRow> rows) {
    PsTree tree = new PsTree(rows);
    List<PsRow> sorted = new ArrayList<>();
    Set<Integer> seen = new HashSet<>();
    tree.processes.forEach(
        (tgid, of) -> {
          int parent = of.get(0).facts().family().map(Family::parent).orElse(0);
          if (parent == tgid || !tree.processes.containsKey(parent)) {
            tree.from(tgid, seen, sorted);
          }
        });
    tree.processes.keySet().forEach(tgid -> tree.from(tgid, seen, sorted));
    return sorted;
  }

  private void from(int root, Set<Integer> seen, List<PsRow> sorted) {
    Deque<Place> todo = new ArrayDeque<>();
    todo.push(new Place(root, 0, "", true));
    while (!todo.isEmpty()) {
      Place place = todo.pop();
      if (!seen.add(place.tgid())) {
        continue;
      }
      String branch = place.depth() == 0 ? "" : place.before() + " \\_ ";
      for (PsRow row : processes.getOrDefault(place.tgid(), List.of())) {
        sorted.add(row.under(branch));
      }
      String before = place.before();
      if (place.depth() > 0 && place.depth() < MOST_STEPS) {
        before += place.last() ? "    " : " |  ";
      }
      List<Integer> below = children.getOrDefault(place.tgid(), List.of());
      for (int i = below.size() - 1; i >= 0; i--) {
        todo.push(new Place(below.get(i), place.depth() + 1, before, i == below.size() - 1));
      }
    }
  }
}
