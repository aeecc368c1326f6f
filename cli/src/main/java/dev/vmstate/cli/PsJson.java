package dev.vmstate.cli;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.vmstate.core.objects.KernelObjects;
import dev.vmstate.core.tasks.FoundBy;
import dev.vmstate.core.tasks.GuestClock;
import dev.vmstate.core.tasks.PidNumber;
import dev.vmstate.core.tasks.Task;
import dev.vmstate.core.tasks.TaskFacts;
import dev.vmstate.core.tasks.Tasks;
import dev.vmstate.core.tasks.UserStrings;
import dev.vmstate.memory.UnmappedAddressException;
import java.io.IOException;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/** The facts of {@code ps}, for programs. Bytes are bytes, times nanoseconds. */
final class PsJson {
  private static final int PAGE = 4096;

  private final Optional<GuestClock> clock;
  private final boolean environment;

  /** {@code environment}: with that of each process. */
  PsJson(Optional<GuestClock> clock, boolean environment) {
    this.clock = clock;
    this.environment = environment;
  }

  /** What is the same for all. */
  ObjectNode guest(KernelObjects objects, Tasks tasks) throws IOException {
    ObjectNode node = JsonNodeFactory.instance.objectNode();
    node.put("release", objects.kernel().release());
    clock.ifPresent(
        of ->
            node.put("bootTime", of.wall(0).toString())
                .put("time", of.now().toString())
                .put("uptime", of.uptime()));
    ArrayNode cpus = node.putArray("cpus");
    for (Map.Entry<Integer, Task> current : tasks.runQueues().current().entrySet()) {
      ObjectNode cpu = cpus.addObject().put("cpu", current.getKey());
      try {
        cpu.put("pid", current.getValue().pid());
      } catch (UnmappedAddressException broken) {
        cpu.putNull("pid"); // the notes say which run queue it is
      }
    }
    ArrayNode ways = node.putArray("ways");
    tasks.ways().forEach(way -> ways.add(key(way)));
    return node;
  }

  /** A process or thread. */
  ObjectNode row(PsRow row, List<String> notes) throws IOException {
    TaskFacts facts = row.facts();
    ObjectNode node = JsonNodeFactory.instance.objectNode();
    node.put("pid", facts.pid()).put("tgid", facts.tgid());
    facts
        .family()
        .ifPresent(
            of ->
                node.put("ppid", of.parent())
                    .put("processGroup", of.group())
                    .put("session", of.session()));
    node.put("name", GuestText.json(facts.name()));
    node.put("kernelThread", facts.kernel()).put("exiting", facts.exiting());
    node.put("stat", facts.stat());
    facts
        .state()
        .ifPresent(
            of -> node.put("state", String.valueOf(of.letter())).put("stateMeans", of.meaning()));
    facts
        .credentials()
        .ifPresent(
            of ->
                node.put("uid", of.uid())
                    .put("euid", of.euid())
                    .put("suid", of.suid())
                    .put("gid", of.gid())
                    .put("egid", of.egid())
                    .put("sgid", of.sgid()));
    facts
        .scheduling()
        .ifPresent(
            of ->
                node.put("cpu", of.cpu())
                    .put("running", of.running())
                    .put("policy", of.policyName())
                    .put("nice", of.nice())
                    .put("priority", of.priority())
                    .put("realTimePriority", of.realTimePriority()));
    facts
        .memory()
        .ifPresent(
            of ->
                node.put("virtualBytes", of.virtual() * PAGE)
                    .put("residentBytes", of.resident() * PAGE)
                    .put("countedBytes", of.counted() * PAGE)
                    .put("swapBytes", of.swapped() * PAGE)
                    .put("lockedBytes", of.locked() * PAGE));
    times(facts, node);
    facts
        .terminal()
        .ifPresent(
            of ->
                node.put("terminal", GuestText.json(of.name()))
                    .put("terminalNumber", of.number())
                    .put("foregroundGroup", of.foreground()));
    strings(node, "arguments", facts.arguments());
    facts.executable().ifPresent(path -> node.put("executable", GuestText.json(path)));
    if (environment && row.isFirst()) {
      strings(node, "environment", facts.environment(notes));
    }
    namespaces(facts, node);
    node.put("threads", facts.threads().size());
    node.put("address", "0x%x".formatted(facts.task().address()));
    node.put("flags", "0x%x".formatted(facts.task().flags()));
    ArrayNode found = node.putArray("foundBy");
    row.foundBy().forEach(way -> found.add(key(way)));
    ArrayNode missing = node.putArray("missingFrom");
    row.missingFrom().forEach(way -> missing.add(key(way)));
    return node;
  }

  private void times(TaskFacts facts, ObjectNode node) {
    facts
        .times()
        .ifPresent(
            of -> {
              clock.ifPresent(now -> node.put("startTime", now.wall(of.start()).toString()));
              node.put("startSinceBoot", of.start())
                  .put("userTime", of.user())
                  .put("systemTime", of.system());
            });
  }

  private static void namespaces(TaskFacts facts, ObjectNode node) {
    facts
        .namespaces()
        .ifPresent(
            of -> {
              ArrayNode pids = node.putArray("namespacePids");
              for (PidNumber pid : of.pids()) {
                pids.addObject().put("pid", pid.number()).put("namespace", pid.namespace());
              }
              ObjectNode inodes = node.putObject("namespaces");
              of.inodes().forEach(inodes::put);
            });
  }

  private static void strings(ObjectNode node, String key, Optional<UserStrings> strings) {
    strings.ifPresent(
        of -> {
          ArrayNode all = node.putArray(key);
          of.strings().forEach(word -> all.add(GuestText.json(word)));
        });
  }

  /** {@code taskList}, {@code pidTable}, {@code runQueue}. */
  private static String key(FoundBy way) {
    String[] words = way.name().toLowerCase(Locale.ROOT).split("_", -1);
    return words[0] + words[1].substring(0, 1).toUpperCase(Locale.ROOT) + words[1].substring(1);
  }
}
