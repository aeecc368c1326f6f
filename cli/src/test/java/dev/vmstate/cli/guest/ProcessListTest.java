package dev.vmstate.cli.guest;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.vmstate.cli.guest.BootedGuest.Home;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The processes of a real guest, and of one in which gdb has taken a process out of a list. */
@Tag("qemu")
@Tag("linux")
@Tag("matrix")
class ProcessListTest {
  private static final ObjectMapper JSON = new ObjectMapper();
  @TempDir private Path folder;

  private static Map<Integer, JsonNode> processes(JsonNode said) {
    Map<Integer, JsonNode> processes = new TreeMap<>();
    said.get("processes").forEach(each -> processes.put(each.get("pid").asInt(), each));
    return processes;
  }

  private static JsonNode ps(Path snapshot) throws Exception {
    return JSON.readTree(Vmstate.run("ps", snapshot, "--json").out());
  }

  /** Edits the guest's structures by their names, in its core, and puts that back. */
  private Path changed(BootedGuest guest, String name, String... commands) throws Exception {
    HostTool.need("gdb", "gdb");
    Path directory = folder.resolve(name);
    Vmstate.run("extract", guest.stopped(), "-o", directory, "--no-hardware");
    List<String> words = new ArrayList<>(List.of("gdb", "-nx", "-batch", "--write", "-core"));
    words.add(directory.resolve("core.elf").toString());
    words.addAll(List.of("-ex", "symbol-file " + directory.resolve("kernel.elf")));
    for (String command : commands) {
      words.addAll(List.of("-ex", command));
    }
    HostTool.run(words.toArray(String[]::new));
    Path changed = folder.resolve(name + ".mig");
    Vmstate.run("inject", directory, "-o", changed);
    return changed;
  }

  @Test
  void everybodyIsFoundInAllWays() throws Exception {
    BootedGuest guest = BootedGuest.at(new Home(Home.HOST, "pc"));
    JsonNode said = ps(guest.stopped());
    assertEquals(guest.facts().get("release"), said.get("release").asText());
    assertEquals("[]", said.get("notes").toString());
    Map<Integer, JsonNode> processes = processes(said);
    assertEquals("init", processes.get(1).get("name").asText());
    assertFalse(processes.get(1).get("kernelThread").asBoolean());
    assertEquals("/init", processes.get(1).get("executable").asText());
    assertEquals("kthreadd", processes.get(2).get("name").asText());
    assertEquals(0, processes.get(2).get("ppid").asInt());
    processes.forEach((pid, each) -> assertEquals("[]", each.get("missingFrom").toString()));
  }

  @Test
  void whoWasTakenOutOfTheTaskListIsMarked() throws Exception {
    BootedGuest guest = BootedGuest.at(new Home(Home.HOST, "pc"));
    Map<Integer, JsonNode> before = processes(ps(guest.stopped()));
    String init = before.get(1).get("address").asText();
    Path hidden =
        changed(
            guest,
            "hidden",
            "set $t = (struct task_struct *)" + init,
            "set var $t->tasks.prev->next = $t->tasks.next",
            "set var $t->tasks.next->prev = $t->tasks.prev");
    JsonNode said = ps(hidden);
    Map<Integer, JsonNode> after = processes(said);
    assertEquals(before.keySet(), after.keySet());
    assertEquals("[\"taskList\"]", after.get(1).get("missingFrom").toString());
    assertEquals(1, said.get("notes").size());
    assertTrue(said.get("notes").get(0).asText().startsWith("pid 1 (init) is in the pid table"));
    assertEquals("[]", after.get(2).get("missingFrom").toString());
  }

  @Test
  void aTaskListThatComesBackEnds() throws Exception {
    BootedGuest guest = BootedGuest.at(new Home(Home.HOST, "pc"));
    Map<Integer, JsonNode> before = processes(ps(guest.stopped()));
    String third = new ArrayList<>(before.values()).get(2).get("address").asText();
    Path cyclic =
        changed(
            guest,
            "cyclic",
            "set $t = (struct task_struct *)" + third,
            "set var $t->tasks.next = $t->tasks.prev");
    JsonNode said = ps(cyclic);
    assertEquals(before.keySet(), processes(said).keySet());
    assertEquals(1, said.get("notes").size());
    assertTrue(said.get("notes").get(0).asText().startsWith("the task list comes back to"));
  }
}
