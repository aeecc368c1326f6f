package dev.vmstate.core.process;

import static dev.vmstate.core.objects.HandKernel.DIRECT;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vmstate.core.objects.HandKernel;
import dev.vmstate.elf.ElfNote;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** A process of two threads in a pid namespace of its own; its parent is outside. */
class ProcessNotesTest {
  private static final long LEADER = HandThread.TASK;
  private static final long SECOND = DIRECT + 0x22000;
  private static final long PARENT = DIRECT + 0x24000;
  private static final long SIGNAL = DIRECT + 0x26000;
  private static final long MM = DIRECT + 0x28000;
  private static final long PIDS = DIRECT + 0x2a000;
  private static final long SPACE = DIRECT + 0x2c000;
  private static final long CREDENTIALS = DIRECT + 0x2d000;
  private static final long USERS = DIRECT + 0x2e000;

  private final HandThread hand = new HandThread();
  private final HandKernel kernel = hand.kernel;

  @BeforeEach
  void twoThreads() {
    String[] words = {
      "group_leader",
      "signal",
      "thread_node",
      "",
      "mm",
      "thread_pid",
      "real_parent",
      "utime",
      "stime",
      "real_cred",
      "last_siginfo",
      "pending.signal.sig[0]",
      "blocked.sig[0]"
    };
    for (int i = 0; i < words.length; i++) {
      kernel.member("task_struct", words[i], 128 + 8L * i, 8);
    }
    kernel.member("task_struct", "pid", 256, 4).member("task_struct", "flags", 260, 4);
    kernel.member("task_struct", "static_prio", 264, 4).member("task_struct", "__state", 268, 4);
    kernel.member("task_struct", "comm", 272, 16);
    kernel.type("signal_struct", 256).member("signal_struct", "thread_head", 0, 16);
    kernel
        .member("signal_struct", "flags", 16, 4)
        .member("signal_struct", "group_exit_code", 20, 4);
    kernel.member("signal_struct", "pids[2]", 24, 8).member("signal_struct", "pids[3]", 32, 8);
    String[] times = {"utime", "stime", "cutime", "cstime"};
    for (int i = 0; i < times.length; i++) {
      kernel.member("signal_struct", times[i], 40 + 8L * i, 8);
    }
    kernel.type("pid", 64).member("pid", "level", 0, 4).member("pid", "numbers", 16, 0);
    kernel.type("upid", 16).member("upid", "nr", 0, 4).member("upid", "ns", 8, 8);
    kernel.type("mm_struct", 512).member("mm_struct", "saved_auxv", 0, 64);
    kernel.member("mm_struct", "arg_start", 64, 8).member("mm_struct", "arg_end", 72, 8);
    kernel.member("mm_struct", "pgd", 80, 8);
    kernel.type("cred", 64).member("cred", "uid.val", 0, 4).member("cred", "gid.val", 4, 4);
    kernel.member("cred", "user_ns", 8, 8);
    kernel.type("user_namespace", 128).member("user_namespace", "uid_map", 0, 64);
    kernel.member("user_namespace", "gid_map", 64, 64);
    kernel.type("uid_gid_map", 64).member("uid_gid_map", "nr_extents", 0, 4);
    kernel.member("uid_gid_map", "extent", 4, 60).type("uid_gid_extent", 12);
    kernel.member("uid_gid_extent", "first", 0, 4);
    kernel.member("uid_gid_extent", "lower_first", 4, 4).member("uid_gid_extent", "count", 8, 4);

    task(LEADER, 500, pid(0, 500, 3));
    task(SECOND, 501, pid(1, 501, 4));
    task(PARENT, 77, pid(2, 77, -1));
    kernel.list(SIGNAL, LEADER + 144, SECOND + 144);
    kernel.word(SIGNAL + 24, PIDS).word(SIGNAL + 32, PIDS + 0x100);
    kernel.put(SIGNAL, "signal_struct", "utime", 1_000_000_000L);
    kernel.put(LEADER, "task_struct", "comm", "worker");
    kernel.put(LEADER, "task_struct", "static_prio", 115);
    kernel.put(LEADER, "task_struct", "__state", 1);
    kernel.word(MM, 33).word(MM + 8, 0x7fff_0000).word(MM + 16, 0).word(MM + 24, 0);
    kernel.word(MM + 32, 99); // behind AT_NULL
    kernel.word(MM + 64, DIRECT + 0x50000).word(MM + 72, DIRECT + 0x50006);
    kernel.word(MM + 80, DIRECT + 0x1000);
    kernel.bytes(DIRECT + 0x50000, "a\0b c\0".getBytes(StandardCharsets.US_ASCII));
    kernel.put(CREDENTIALS, "cred", "uid.val", 100_005).put(CREDENTIALS, "cred", "gid.val", 7);
    kernel.put(CREDENTIALS, "cred", "user_ns", USERS);
    kernel.put(USERS, "uid_gid_map", "nr_extents", 1);
    kernel.put(USERS + 4, "uid_gid_extent", "lower_first", 100_000);
    kernel.put(USERS + 4, "uid_gid_extent", "count", 10);
    hand.frame(HandThread.STACK + 0x4000, 0x40_0000);
  }

  /** In the first namespace and, if {@code inner} is not negative, in one below. */
  private long pid(int place, int outer, int inner) {
    long pid = PIDS + 0x100L * place;
    kernel.put(pid, "pid", "level", inner < 0 ? 0 : 1);
    kernel.put(pid + 16, "upid", "nr", outer);
    if (inner >= 0) {
      kernel.put(pid + 32, "upid", "nr", inner).put(pid + 32, "upid", "ns", SPACE);
    }
    return pid;
  }

  private void task(long task, int number, long pid) {
    kernel.put(task, "task_struct", "pid", number).put(task, "task_struct", "group_leader", LEADER);
    kernel.put(task, "task_struct", "signal", SIGNAL).put(task, "task_struct", "mm", MM);
    kernel.put(task, "task_struct", "thread_pid", pid);
    kernel.put(task, "task_struct", "real_parent", PARENT);
    kernel.put(task, "task_struct", "real_cred", CREDENTIALS);
    kernel.put(task, "task_struct", "utime", 500_000_000L + number * 1000L);
    kernel.put(task, "task_struct", "stack", task == LEADER ? HandThread.STACK : DIRECT + 0x60000);
  }

  private ProcessNotes notes(MappedFile... files) throws IOException {
    return ProcessNotes.of(
        hand.objects(), List.of(), hand.objects().at("task_struct", SECOND), List.of(files));
  }

  private static ByteBuffer note(ProcessNotes notes, int place) {
    return notes.notes().get(place).descriptor().order(ByteOrder.LITTLE_ENDIAN);
  }

  @Test
  void theLeaderComesFirstAndWithItWhatTheProcessHas() throws IOException {
    ProcessNotes notes = notes();
    assertEquals(
        List.of(1, 3, 0x53494749, 6, 0x46494c45, 1),
        notes.notes().stream().map(ElfNote::type).toList());
    assertEquals(2, notes.threads());
    assertFalse(notes.i386());
    assertEquals(3, note(notes, 0).getInt(32), "its number in its own namespace");
    assertEquals(4, note(notes, 5).getInt(32));
    assertEquals(0, note(notes, 0).getInt(36), "the parent is in another namespace");
    assertEquals(3, note(notes, 0).getInt(40));
    assertEquals(4, note(notes, 0).getInt(44));
    assertEquals(0x40_0000 + 16, note(notes, 0).getLong(112 + 8 * 16));
  }

  @Test
  void aThreadWithoutRegistersIsThereAndTold() throws IOException {
    ProcessNotes notes = notes();
    assertEquals(0, note(notes, 5).getLong(112 + 8 * 16));
    assertTrue(
        notes.remarks().contains("thread 501: no registers of user mode on its stack"),
        notes.remarks()::toString);
  }

  @Test
  void theLeaderHasTheTimesOfAll() throws IOException {
    ProcessNotes notes = notes();
    assertEquals(2, note(notes, 0).getLong(48));
    assertEquals(1001, note(notes, 0).getLong(56));
    assertEquals(0, note(notes, 5).getLong(48));
    assertEquals(500_501, note(notes, 5).getLong(56));
  }

  @Test
  void whatItIsCalledAndWhoseItIs() throws IOException {
    ByteBuffer info = note(notes(), 1);
    assertEquals(136, info.remaining());
    assertEquals('S', info.get(1));
    assertEquals(-5, info.get(3));
    assertEquals(5, info.getInt(16), "as the user namespace has it");
    assertEquals(65534, info.getInt(20), "which has no such group");
    byte[] text = new byte[12];
    info.get(40, text);
    assertEquals("worker", new String(text, StandardCharsets.US_ASCII).trim());
    info.get(56, text);
    assertEquals("a b c ", new String(text, StandardCharsets.US_ASCII).replace("\0", ""));
  }

  @Test
  void theAuxiliaryVectorEndsWithNull() throws IOException {
    assertEquals(32, note(notes(), 3).remaining());
  }

  @Test
  void filesAreListedAsTheKernelDoes() throws IOException {
    ByteBuffer files = note(notes(new MappedFile(0x1000, 0x3000, 2, "/bin/\u00ff")), 4);
    assertEquals(16 + 24 + 7, files.remaining());
    assertEquals(1, files.getLong(0));
    assertEquals(4096, files.getLong(8));
    assertEquals(2, files.getLong(32));
    assertEquals((byte) 0xff, files.get(45));
  }

  @Test
  void aDyingProcessHasItsSignal() throws IOException {
    kernel.put(SIGNAL, "signal_struct", "flags", 4);
    kernel.put(SIGNAL, "signal_struct", "group_exit_code", 0x80 | 11);
    assertEquals(11, note(notes(), 0).getInt(0));
    assertEquals(11, note(notes(), 0).getShort(12));
  }

  @Test
  void aListOfThreadsThatLeadsAwayIsTold() throws IOException {
    kernel.word(SECOND + 144, 0x10);
    ProcessNotes notes = notes();
    assertEquals(2, notes.threads(), "what was found until then");
    assertTrue(notes.remarks().get(0).contains("no RAM"), notes.remarks()::toString);
  }

  @Test
  void aProcessWhoseSignalsLeadAwayIsTheThreadAsked() throws IOException {
    kernel.put(LEADER, "task_struct", "group_leader", 0x10);
    kernel.put(SECOND, "task_struct", "group_leader", 0x10);
    kernel.put(SECOND, "task_struct", "signal", 0x10);
    kernel.put(SECOND, "task_struct", "thread_pid", 0x10);
    assertFalse(notes().remarks().isEmpty());
  }
}
