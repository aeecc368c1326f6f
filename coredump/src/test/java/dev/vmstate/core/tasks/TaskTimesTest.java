package dev.vmstate.core.tasks;

import static dev.vmstate.core.objects.HandKernel.DIRECT;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.vmstate.core.objects.HandKernel;
import java.io.IOException;
import org.junit.jupiter.api.Test;

class TaskTimesTest {
  private static final long AT = DIRECT + 0x20000;
  private final HandKernel kernel =
      new HandKernel()
          .type("task_struct", 0x100)
          .member("task_struct", "utime", 0, 8)
          .member("task_struct", "stime", 8, 8)
          .member("task_struct", "se.sum_exec_runtime", 16, 8)
          .member("task_struct", "prev_cputime", 24, 24)
          .member("task_struct", "prev_cputime.utime", 24, 8)
          .member("task_struct", "prev_cputime.stime", 32, 8)
          .member("task_struct", "start_boottime", 48, 8);

  private TaskTimes times(long user, long system, long ran, long shownUser, long shownSystem)
      throws IOException {
    kernel.word(AT, user).word(AT + 8, system).word(AT + 16, ran);
    kernel.word(AT + 24, shownUser).word(AT + 32, shownSystem).word(AT + 48, 77);
    return TaskTimes.ofThread(new Task(kernel.objects().at("task_struct", AT)));
  }

  @Test
  void theSchedulersTimeIsPartedAsTheTicksSay() throws IOException {
    assertEquals(new TaskTimes(77, 750, 250), times(3000, 1000, 1000, 0, 0));
    assertEquals(new TaskTimes(77, 1000, 0), times(5, 0, 1000, 0, 0));
    assertEquals(new TaskTimes(77, 0, 1000), times(0, 5, 1000, 0, 0));
    assertEquals(new TaskTimes(77, 1000, 0), times(0, 0, 1000, 0, 0));
    long years = 1L << 61; // the product has more than 64 bits
    assertEquals(new TaskTimes(77, years / 2, years / 2), times(years, years, years, 0, 0));
  }

  @Test
  void whatWasShownNeverGetsLess() throws IOException {
    assertEquals(new TaskTimes(77, 600, 500), times(3000, 1000, 1000, 600, 500));
    assertEquals(new TaskTimes(77, 600, 400), times(3000, 1000, 1000, 100, 400));
    assertEquals(new TaskTimes(77, 900, 100), times(3000, 1000, 1000, 900, 0));
  }
}
