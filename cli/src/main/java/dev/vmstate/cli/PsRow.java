package dev.vmstate.cli;

import dev.vmstate.core.tasks.FoundBy;
import dev.vmstate.core.tasks.Task;
import dev.vmstate.core.tasks.TaskFacts;
import dev.vmstate.core.tasks.Tasks;
import dev.vmstate.core.tasks.UserStrings;
import java.io.IOException;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * A line of {@code ps}: a process, or a thread of one.
 *
 * @param thread whether it stands for that thread alone
 * @param foundBy the ways that found it; of a process those of its first thread
 * @param missingFrom those that should have found it too
 * @param tree what stands before its name in a tree
 */
record PsRow(
    TaskFacts facts, boolean thread, Set<FoundBy> foundBy, Set<FoundBy> missingFrom, String tree) {
  static PsRow of(TaskFacts facts, boolean thread, Tasks tasks) throws IOException {
    Task task = facts.task();
    boolean idle = task.isIdle(); // in no list, by design
    return new PsRow(
        facts,
        thread,
        idle ? EnumSet.of(FoundBy.RUN_QUEUE) : tasks.foundBy(task),
        idle ? Set.of() : tasks.missingFrom(task),
        "");
  }

  PsRow under(String branch) {
    return new PsRow(facts, thread, foundBy, missingFrom, branch);
  }

  boolean isFirst() {
    return !thread || facts.pid() == facts.tgid();
  }

  /** As ps shows it: arguments, or the name in brackets. */
  String command() {
    String name = GuestText.line(facts.name());
    if (!isFirst()) {
      return "{" + name + "}";
    }
    String state = facts.stat().startsWith("Z") ? " <defunct>" : "";
    List<String> words = facts.arguments().map(UserStrings::strings).orElse(List.of());
    return words.stream().allMatch(String::isEmpty)
        ? "[" + name + "]" + state
        : words.stream().map(GuestText::line).collect(Collectors.joining(" "));
  }

  /** What to say of a task that not everybody knows. */
  String suspicion() {
    String found = foundBy.stream().map(FoundBy::toString).collect(Collectors.joining(" and "));
    String missing =
        missingFrom.stream().map(FoundBy::toString).collect(Collectors.joining(" or "));
    boolean ending = facts.exiting() || facts.stat().startsWith("X");
    return "pid %d (%s) is in the %s and not in the %s: %s"
        .formatted(
            facts.pid(),
            GuestText.line(facts.name()),
            found,
            missing,
            ending
                ? "it is exiting and leaves one after the other"
                : "hidden, or the guest was stopped in the middle of a change");
  }
}
