package dev.vmstate.core.log;

import static dev.vmstate.core.objects.HandKernel.DIRECT;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vmstate.core.log.HandRing.Read;
import dev.vmstate.core.log.LogRecord.State;
import dev.vmstate.core.objects.HandKernel;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/** The buffer of records as log_store of Linux 5.9 leaves it. */
class RecordBufferTest {
  private static final int BYTES = 256;
  private static final int HEADER = 16;
  private static final long BUFFER = DIRECT + 0x20000;
  private static final long VARIABLES = DIRECT + 0x10000;
  private static final long CONT = DIRECT + 0x11000;

  private final HandKernel kernel =
      new HandKernel()
          .symbol("log_buf", VARIABLES)
          .symbol("log_buf_len", VARIABLES + 8)
          .symbol("log_first_idx", VARIABLES + 16)
          .symbol("log_next_idx", VARIABLES + 24)
          .symbol("log_first_seq", VARIABLES + 32)
          .symbol("log_next_seq", VARIABLES + 40)
          .type("printk_log", HEADER)
          .member("printk_log", "ts_nsec", 0, 8)
          .member("printk_log", "len", 8, 2)
          .member("printk_log", "text_len", 10, 2)
          .member("printk_log", "dict_len", 12, 2)
          .member("printk_log", "facility", 14, 1)
          .bits("printk_log", "flags", 15 * 8, 5)
          .bits("printk_log", "level", 15 * 8 + 5, 3)
          .word(VARIABLES, BUFFER)
          .word(VARIABLES + 8, BYTES);

  private int next;

  private RecordBufferTest add(int level, String text, String dictionary) {
    byte[] said = text.getBytes(StandardCharsets.UTF_8);
    byte[] words = dictionary.getBytes(StandardCharsets.UTF_8);
    int length = HEADER + said.length + words.length + 3 & -4;
    if (next + length + HEADER > BYTES) {
      kernel.bytes(BUFFER + next, new byte[HEADER]);
      next = 0;
    }
    ByteBuffer record = ByteBuffer.allocate(length).order(ByteOrder.LITTLE_ENDIAN);
    record.putLong(1_000_000_000).putShort((short) length).putShort((short) said.length);
    record.putShort((short) words.length).put((byte) 3).put((byte) (2 | level << 5));
    record.put(said).put(words);
    kernel.bytes(BUFFER + next, record.array());
    next += length;
    return between(first(), next, 0);
  }

  private int first;

  private int first() {
    return first;
  }

  private RecordBufferTest between(int from, int to, long seq) {
    first = from;
    kernel.word(VARIABLES + 16, from).word(VARIABLES + 24, to).word(VARIABLES + 32, seq);
    return this;
  }

  private Read read() throws Exception {
    return HandRing.read(KernelLog.of(kernel.objects(), Optional.empty()));
  }

  @Test
  void recordsHaveTextLevelAndDictionary() throws Exception {
    add(6, "Linux", "").add(3, "two\nlines", "SUBSYSTEM=pci\0DEVICE=+pci:0000:00:03.0");
    Read read = read();
    assertEquals(List.of(), read.notes());
    assertEquals(List.of("Linux", "two\nlines"), read.texts());
    LogRecord second = read.records().get(1);
    assertEquals(List.of("SUBSYSTEM=pci", "DEVICE=+pci:0000:00:03.0"), second.dictionary());
    assertEquals(3, second.level());
    assertEquals(3, second.facility());
    assertEquals(1_000_000_000, second.nanoseconds());
    assertEquals(Optional.empty(), second.callerName());
  }

  @Test
  void theBufferGoesOnAtItsStart() throws Exception {
    add(6, "a".repeat(60), "").add(6, "b".repeat(60), "").add(6, "c".repeat(60), "");
    assertEquals(228, next);
    between(76, 0, 1); // the first is given up for the fourth
    add(6, "d".repeat(40), "");
    between(76, next, 1);
    Read read = read();
    assertEquals(List.of(), read.notes());
    assertEquals(List.of("b".repeat(60), "c".repeat(60), "d".repeat(40)), read.texts());
    assertEquals(List.of(1L, 2L, 3L), read.records().stream().map(LogRecord::seq).toList());
  }

  @Test
  void brokenRecordsEndIt() throws Exception {
    add(6, "first", "").add(6, "second", "").add(6, "third", "");
    kernel.bytes(BUFFER + 24 + 8, new byte[] {3, 0});
    Read read = read();
    assertEquals(List.of("first"), read.texts());
    assertEquals(List.of("the log is broken at 0x18: a record of 3 bytes"), read.notes());
    kernel.bytes(BUFFER + 24 + 8, new byte[] {0, 0}); // back to the first, for ever
    read = read();
    assertTrue(read.records().size() < 4, read.texts().toString());
    assertTrue(read.notes().get(0).startsWith("the log is broken at"), read.notes().toString());
    kernel.word(VARIABLES + 8, 1L << 32);
    between(0, 300, 0);
    assertThrows(IOException.class, this::read);
    kernel.word(VARIABLES, 0x1000).word(VARIABLES + 8, BYTES);
    between(0, next, 0);
    assertEquals(List.of("the log leads to 0x1008, where no RAM is"), read().notes());
  }

  @Test
  void aLineWithoutItsEndIsInCont() throws Exception {
    add(6, "first", "");
    kernel
        .symbol("cont", CONT)
        .type("cont", 64)
        .member("cont", "buf", 0, 32)
        .member("cont", "len", 32, 8)
        .member("cont", "ts_nsec", 40, 8)
        .member("cont", "level", 48, 1)
        .put(CONT, "cont", "buf", "not ended...")
        .put(CONT, "cont", "len", 12)
        .put(CONT, "cont", "level", 4);
    Read read = read();
    assertEquals(List.of("first", "not ended..."), read.texts());
    assertEquals(State.COMMITTED, read.records().get(1).state());
    assertEquals(4, read.records().get(1).level());
  }
}
