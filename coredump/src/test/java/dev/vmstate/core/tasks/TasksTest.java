package dev.vmstate.core.tasks;

import static dev.vmstate.core.tasks.FoundBy.PID_TABLE;
import static dev.vmstate.core.tasks.FoundBy.TASK_LIST;
import static dev.vmstate.core.tasks.HandTasks.at;
import static dev.vmstate.core.tasks.HandTasks.link;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTimeout;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vmstate.core.objects.HandKernel;
import dev.vmstate.core.objects.NoSuchMemberException;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;

class TasksTest {
  private final HandTasks guest =
      new HandTasks().process(1, "init").process(5, "server", 9, 7).process(6, "shell");

  private Tasks tasks() throws IOException {
    return Tasks.of(guest.kernel.objects());
  }

  private static List<Integer> pids(List<Task> tasks) throws IOException {
    List<Integer> pids = new ArrayList<>();
    for (Task task : tasks) {
      pids.add(task.pid());
    }
    return pids;
  }

  @Test
  void findsProcessesAndThreads() throws IOException {
    Tasks tasks = tasks();
    assertEquals(List.of(1, 5, 6, 7, 9), pids(tasks.all()));
    assertEquals(List.of(5, 9, 7), pids(tasks.threads(tasks.find(7).orElseThrow())));
    assertEquals(Set.of(1, 5, 6), tasks.processes().keySet());
    Task server = tasks.find(9).orElseThrow();
    assertEquals(5, server.tgid());
    assertEquals("server", server.comm());
    assertEquals(at(5), server.leader().orElseThrow().address());
    assertEquals(Set.of(TASK_LIST, PID_TABLE), tasks.ways());
    assertEquals(tasks.ways(), tasks.foundBy(server));
    assertEquals(List.of(), tasks.notes());
    assertTrue(tasks.find(8).isEmpty());
  }

  @Test
  void threadsOfAProcessAreOneListForAll() throws IOException {
    Tasks tasks = tasks();
    Task first = tasks.find(5).orElseThrow();
    assertSame(tasks.threads(first), tasks.threads(tasks.find(7).orElseThrow()));
  }

  @Test
  void aListOfThreadsThatAreNoneIsWalkedOnceForAllWhoShareIt() throws IOException {
    long nodes = HandKernel.DIRECT + 0x40_0000;
    for (int i = 0; i < 1 << 17; i++) {
      guest.kernel.word(nodes + 8L * i, nodes + 8L * i + 8);
    }
    for (int pid = 10; pid < 60; pid++) {
      guest.process(pid, "same");
      guest.kernel.word(at(pid) + 0x800 + 0x10, nodes);
    }
    assertTimeout(Duration.ofSeconds(20), this::tasks);
    assertTrue(tasks().find(59).isPresent());
  }

  @Test
  void whoIsTakenOutOfOneListIsFoundByTheOther() throws IOException {
    guest.unlink(5).unnumber(6);
    Tasks tasks = tasks();
    assertEquals(List.of(1, 5, 6, 7, 9), pids(tasks.all()));
    assertEquals(Set.of(PID_TABLE), tasks.foundBy(tasks.find(5).orElseThrow()));
    assertEquals(Set.of(PID_TABLE), tasks.foundBy(tasks.find(9).orElseThrow()));
    assertEquals(Set.of(TASK_LIST), tasks.foundBy(tasks.find(6).orElseThrow()));
    assertEquals(tasks.ways(), tasks.foundBy(tasks.find(1).orElseThrow()));
    assertEquals(List.of(), tasks.notes());
  }

  @Test
  void aListThatComesBackLosesNobody() throws IOException {
    guest.kernel.word(link(5), link(1));
    Tasks tasks = tasks();
    assertEquals(List.of(1, 5, 6, 7, 9), pids(tasks.all()));
    assertEquals(tasks.ways(), tasks.foundBy(tasks.find(6).orElseThrow())); // backwards
    assertEquals(
        List.of("the task list comes back to 0x%x, not to its head".formatted(link(1))),
        tasks.notes());
  }

  @Test
  void aListThatIsBrokenBothWaysLosesNobody() throws IOException {
    guest.kernel.word(link(1), link(1)).word(HandTasks.INIT_TASK + 0x48, link(1));
    Tasks tasks = tasks();
    assertEquals(List.of(1, 5, 6, 7, 9), pids(tasks.all()));
    assertEquals(Set.of(PID_TABLE), tasks.foundBy(tasks.find(5).orElseThrow()));
    assertEquals(Set.of(TASK_LIST), tasks.missingFrom(tasks.find(5).orElseThrow()));
    assertEquals(Set.of(), tasks.missingFrom(tasks.find(1).orElseThrow()));
  }

  @Test
  void aListThatLeadsNowhereLosesNobody() throws IOException {
    guest.kernel.word(link(1), 0xdead_0000_0000_0122L); // LIST_POISON2
    guest.kernel.word(at(5) + 0x80, 0x5000);
    Tasks tasks = tasks();
    assertEquals(List.of(1, 5, 6, 7, 9), pids(tasks.all()));
    assertEquals(
        List.of(
            "the task list leads to 0xdead000000000122, where no RAM is",
            "the thread list of process 5 leads to 0x5000, where no RAM is"),
        tasks.notes());
  }

  @Test
  void aBrokenPidTableLosesNobody() throws IOException {
    guest.kernel.word(HandTasks.NODE + 0x28 + 8 * 6, 0x7000).word(HandTasks.NODE + 0x28 + 8, 0x13);
    Tasks tasks = tasks();
    assertEquals(List.of(1, 5, 6, 7, 9), pids(tasks.all()));
    assertEquals(Set.of(TASK_LIST), tasks.foundBy(tasks.find(6).orElseThrow()));
    assertEquals(List.of("pid 6 of the pid table leads to 0x7010, where no RAM is"), tasks.notes());
  }

  @Test
  void queuesThatAreNowhereLoseNobody() throws IOException {
    guest
        .kernel
        .symbol("runqueues", 0)
        .symbol("__per_cpu_offset", 0x5000)
        .symbol("__cpu_possible_mask", 0x6000);
    Tasks tasks = tasks();
    assertEquals(Set.of(1, 5, 6), tasks.processes().keySet());
    assertTrue(
        tasks
            .notes()
            .contains("the kernel says at 0x6000 where its run queues are, and no RAM is there"),
        tasks.notes()::toString);
  }

  @Test
  void aTaskUnderAnotherNumberIsSaid() throws IOException {
    guest.kernel.put(at(6), "task_struct", "pid", 4);
    assertEquals(
        List.of("the pid table has task_struct 0x%x as 6, which says it is 4".formatted(at(6))),
        tasks().notes());
  }

  @Test
  void whatCannotBeATaskIsNone() throws IOException {
    guest.kernel.list(HandTasks.INIT_TASK + 0x40, link(1), link(40));
    Tasks tasks = tasks();
    assertTrue(tasks.find(0).isEmpty());
    assertEquals(
        List.of("the task list has 0x%x, which is no task (pid 0)".formatted(at(40))),
        tasks.notes());
  }

  @Test
  void twoWithOnePidAreBothThere() throws IOException {
    guest.kernel.put(at(6), "task_struct", "pid", 1);
    assertEquals(List.of(1, 5, 7, 9, 1), pids(tasks().all()));
  }

  @Test
  void aKernelWithoutVariablesSaysSo() {
    String said =
        String.valueOf(
            assertThrows(NoSuchMemberException.class, () -> Tasks.of(new HandKernel().objects()))
                .getMessage());
    assertTrue(said.startsWith("no symbol 'init_task'"), said);
  }
}
