package dev.vmstate.core.log;

import dev.vmstate.core.kernel.KernelMemory;
import dev.vmstate.core.log.LogRecord.State;
import dev.vmstate.core.objects.KernelObject;
import dev.vmstate.core.objects.KernelObjects;
import dev.vmstate.memory.UnmappedAddressException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * The buffer of Linux 3.5 to 5.9: {@code struct printk_log} ({@code struct log} before 3.11), its
 * text, its dictionary (strings with a NUL between), then the next one. One whose {@code len} is 0
 * says that the next stands at the buffer's start. A line whose writer has not ended it stands in
 * {@code cont} until then, from 3.5 on.
 *
 * <p>Source: {@code kernel/printk/printk.c}, log_store, log_from_idx and log_next of 5.9.
 */
final class RecordBuffer implements KernelLog.Buffer {
  private static final long MOST_BYTES = 1L << 31;

  private final KernelObjects objects;
  private final KernelMemory memory;
  private final KernelLog.Variables variables;
  private final String type;

  RecordBuffer(KernelObjects objects, KernelLog.Variables variables) {
    this.objects = objects;
    this.memory = objects.memory();
    this.variables = variables;
    this.type = objects.types().size("printk_log").isPresent() ? "printk_log" : "log";
  }

  @Override
  public List<String> read(KernelLog.Visitor visitor) throws IOException {
    List<String> notes = new ArrayList<>();
    long buffer = memory.word(variables.at("log_buf"));
    long bytes = memory.u32(variables.at("log_buf_len"));
    long first = memory.u32(variables.at("log_first_idx"));
    long next = memory.u32(variables.at("log_next_idx"));
    long header = objects.types().size(type).orElse(0);
    if (bytes > MOST_BYTES || header <= 0 || first > bytes || next > bytes) {
      throw new IOException(
          "no log at 0x%x: record %d to %d of %d bytes".formatted(buffer, first, next, bytes));
    }
    long seq = number("log_first_seq");
    try {
      walk(new Span(buffer, bytes, header, first, next), seq, visitor, notes);
    } catch (UnmappedAddressException outside) {
      notes.add("the log leads to 0x%x, where no RAM is".formatted(outside.address()));
    }
    unended(visitor);
    return notes;
  }

  private record Span(long buffer, long bytes, long header, long first, long next) {}

  private long number(String variable) throws IOException {
    OptionalLong at = variables.find(variable);
    return at.isEmpty() ? 0 : memory.u64(at.getAsLong());
  }

  private void walk(Span span, long firstSeq, KernelLog.Visitor visitor, List<String> notes)
      throws IOException {
    boolean wrapped = false;
    long seq = firstSeq;
    long at = span.first();
    while (at != span.next() || !wrapped && span.first() > span.next()) {
      long length =
          at + span.header() <= span.bytes()
              ? objects.at(type, span.buffer() + at).number("len")
              : 0;
      if (length == 0 && !wrapped) {
        wrapped = true;
        at = 0;
        continue;
      }
      boolean passesItsEnd = at < span.next() && at + length > span.next();
      if (length < span.header() || at + length > span.bytes() || passesItsEnd) {
        notes.add("the log is broken at 0x%x: a record of %d bytes".formatted(at, length));
        return;
      }
      visitor.record(record(span, at, length, seq++));
      at += length;
      if (wrapped && at > span.next()) {
        notes.add("the log is broken at 0x%x: it goes on behind its end".formatted(at));
        return;
      }
    }
  }

  private LogRecord record(Span span, long at, long length, long seq) throws IOException {
    KernelObject head = objects.at(type, span.buffer() + at);
    long room = length - span.header();
    int text = (int) Math.min(head.number("text_len"), room);
    int words = (int) Math.min(head.number("dict_len"), room - text);
    long from = span.buffer() + at + span.header();
    return new LogRecord(
        seq,
        head.number("ts_nsec"),
        head.has("facility") ? (int) head.number("facility") : 0,
        (int) head.number("level") & 7,
        head.has("flags") ? (int) head.number("flags") : 0,
        head.has("caller_id") ? OptionalLong.of(head.number("caller_id")) : OptionalLong.empty(),
        Optional.empty(),
        latin(from, text),
        dictionary(latin(from + text, words)),
        State.FINALIZED,
        text == head.number("text_len"));
  }

  private String latin(long from, int bytes) throws IOException {
    return new String(memory.bytes(from, bytes), StandardCharsets.ISO_8859_1);
  }

  private static List<String> dictionary(String words) {
    List<String> entries = new ArrayList<>();
    for (String entry : words.split("\0")) {
      if (!entry.isEmpty()) {
        entries.add(entry);
      }
    }
    return entries;
  }

  /** What is said of a line that has no end yet; as kernels from 4.9 on have it. */
  private void unended(KernelLog.Visitor visitor) throws IOException {
    OptionalLong at = variables.find("cont");
    KernelObject cont = objects.at("cont", at.orElse(0));
    if (at.isEmpty() || !cont.has("buf") || !cont.has("len") || !cont.has("level")) {
      return;
    }
    try {
      int length = (int) Math.min(cont.number("len"), cont.bytes("buf"));
      if (length > 0) {
        visitor.record(
            new LogRecord(
                number("log_next_seq"),
                cont.has("ts_nsec") ? cont.number("ts_nsec") : 0,
                cont.has("facility") ? (int) cont.number("facility") : 0,
                (int) cont.number("level") & 7,
                cont.has("flags") ? (int) cont.number("flags") : 0,
                OptionalLong.empty(),
                Optional.empty(),
                latin(cont.at("buf"), length),
                List.of(),
                State.COMMITTED,
                true));
      }
    } catch (UnmappedAddressException outside) {
      // then nothing is known of it
    }
  }
}
