package dev.vmstate.core.tasks;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class TaskStateTest {
  @ParameterizedTest
  @CsvSource({
    "0x0, 0x0, true, R",
    "0x1, 0x0, true, S",
    "0x2, 0x0, true, D",
    "0x102, 0x0, true, D", // TASK_KILLABLE
    "0x402, 0x0, true, I",
    "0x402, 0x0, false, I",
    "0x104, 0x0, true, T",
    "0x108, 0x0, true, t",
    "0x80, 0x10, true, X",
    "0x80, 0x20, true, Z",
    "0x40, 0x0, true, P",
    "0x200, 0x0, true, R", // TASK_WAKING
    "0x2001, 0x0, true, S", // TASK_FREEZABLE
    "0x8000, 0x0, true, D", // TASK_FROZEN
    "0x1000, 0x0, true, D", // TASK_RTLOCK_WAIT
    "0x1001, 0x0, false, S",
  })
  void hasTheLetterOfTheGuestsOwnPs(String state, String exit, boolean renamed, char letter) {
    assertEquals(letter, TaskState.of(Long.decode(state), Long.decode(exit), renamed).letter());
  }
}
