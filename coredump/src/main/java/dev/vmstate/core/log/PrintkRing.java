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
 * The lockless ring, {@code struct printk_ringbuffer}: an array of descriptors, one of {@code
 * printk_info}s beside it, and a ring of text. A descriptor's {@code state_var} has its number in
 * the lower bits and its state in the upper two; numbers and text positions only ever grow, and
 * start so that they overflow soon. Text is a block: the descriptor's number, then the bytes. A
 * block is never cut: one that does not fit before the ring's end stands at its start. Positions
 * that are odd say that there is no text: none was to be kept, or there was no room.
 *
 * <p>Source: {@code kernel/printk/printk_ringbuffer.c}.
 */
final class PrintkRing implements KernelLog.Buffer {
  /** CONFIG_LOG_BUF_SHIFT and log_buf_len= go up to 2 GiB of text, 32 bytes for a record. */
  private static final int MOST_COUNT_BITS = 26;

  private static final int MOST_SIZE_BITS = 31;

  /** Records without memory; after so many nothing is expected of the rest. */
  private static final int MOST_BROKEN = 1000;

  /** Of all texts. Blocks do not overlap in a ring that is whole; in one made to, they may. */
  private static final long MOST_TEXT = 256 << 20;

  private static final int EMPTY = 3;
  private static final int RESERVED = 0;
  private static final int COMMITTED = 1;
  private static final int REUSABLE = 3;

  private final KernelObjects objects;
  private final KernelMemory memory;
  private final long at;
  private final int word;

  private long descriptors;
  private long descriptorBytes;
  private long infos;
  private long infoBytes;
  private long text;
  private int sizeBits;

  private long left;
  private int broken;
  private int textGone;
  private int writing;

  PrintkRing(KernelObjects objects, long at) {
    this.objects = objects;
    this.memory = objects.memory();
    this.at = at;
    this.word = memory.wordBytes();
  }

  @Override
  public List<String> read(KernelLog.Visitor visitor) throws IOException {
    List<String> notes = new ArrayList<>();
    KernelObject ring = objects.at("printk_ringbuffer", at);
    KernelObject rows = ring.inside("desc_ring", "prb_desc_ring");
    KernelObject data = ring.inside("text_data_ring", "prb_data_ring");
    int countBits = bits(rows.number("count_bits"), MOST_COUNT_BITS, "descriptors");
    sizeBits = bits(data.number("size_bits"), MOST_SIZE_BITS, "bytes of text");
    descriptors = rows.number("descs");
    infos = rows.number("infos");
    text = data.number("data");
    left = Math.min(MOST_TEXT, 2L << sizeBits);
    descriptorBytes = size("prb_desc");
    infoBytes = size("printk_info");
    long mask = wordMask() >>> 2;
    long count = 1L << countBits;
    long head = rows.number("head_id") & mask;
    long tail = rows.number("tail_id") & mask;
    long length = (head - tail & mask) + 1;
    if (length > count) {
      notes.add(
          "the log's ring of %d records says that it has %d: the youngest %d are read"
              .formatted(count, length, count));
      length = count;
    }
    for (long i = length - 1; i >= 0; i--) {
      long id = head - i & mask;
      try {
        record(id, (int) (id & count - 1), mask, visitor);
      } catch (UnmappedAddressException outside) {
        if (++broken == MOST_BROKEN) {
          notes.add("the log ends early: too many of its records have no RAM");
          break;
        }
      }
    }
    addCounts(notes);
    return notes;
  }

  private void addCounts(List<String> notes) {
    if (broken > 0) {
      notes.add("%d records of the log are left out: no RAM is where they are".formatted(broken));
    }
    if (textGone > 0) {
      notes.add("the text of %d records of the log is gone, or cut".formatted(textGone));
    }
    if (writing > 0) {
      notes.add("%d records of the log were being written".formatted(writing));
    }
  }

  private int bits(long value, int most, String what) throws IOException {
    if (value > most) {
      throw new IOException(
          "no log at 0x%x: a ring of 2^%d %s is larger than any kernel's"
              .formatted(at, value, what));
    }
    return (int) value;
  }

  private long size(String type) throws IOException {
    OptionalLong size = objects.types().size(type);
    if (size.isEmpty() || size.getAsLong() <= 0) {
      throw new IOException("this kernel's types do not say how large '%s' is".formatted(type));
    }
    return size.getAsLong();
  }

  private long wordMask() {
    return word == 8 ? -1L : 0xffff_ffffL;
  }

  private void record(long id, int index, long mask, KernelLog.Visitor visitor) throws IOException {
    KernelObject row = objects.at("prb_desc", descriptors + index * descriptorBytes);
    long stateVar = row.number("state_var");
    int state = (int) (stateVar >>> 8 * word - 2) & 3;
    if ((stateVar & mask) != id || state == REUSABLE) {
      return; // an older record, about to be overwritten; or never used
    }
    KernelObject info = objects.at("printk_info", infos + index * infoBytes);
    Text found = text(row.inside("text_blk_lpos", "prb_data_blk_lpos"), id, info, state);
    textGone += found.whole() || state == RESERVED ? 0 : 1;
    writing += state == RESERVED ? 1 : 0;
    visitor.record(
        new LogRecord(
            info.number("seq"),
            info.number("ts_nsec"),
            (int) info.number("facility"),
            (int) info.number("level"),
            (int) info.number("flags"),
            info.has("caller_id")
                ? OptionalLong.of(info.number("caller_id"))
                : OptionalLong.empty(),
            info.has("comm") ? Optional.of(info.text("comm")) : Optional.empty(),
            found.text(),
            dictionary(info),
            state == RESERVED
                ? State.RESERVED
                : state == COMMITTED ? State.COMMITTED : State.FINALIZED,
            found.whole()));
  }

  private static List<String> dictionary(KernelObject info) throws IOException {
    List<String> entries = new ArrayList<>();
    if (info.has("dev_info")) {
      KernelObject device = info.inside("dev_info", "dev_printk_info");
      String subsystem = device.text("subsystem");
      String name = device.text("device");
      if (!subsystem.isEmpty()) {
        entries.add("SUBSYSTEM=" + subsystem);
      }
      if (!name.isEmpty()) {
        entries.add("DEVICE=" + name);
      }
    }
    return entries;
  }

  private record Text(String text, boolean whole) {}

  private Text text(KernelObject place, long id, KernelObject info, int state) throws IOException {
    long length = info.number("text_len");
    long begin = place.number("begin");
    long next = place.number("next");
    if ((begin & 1) != 0 && (next & 1) != 0) {
      // An empty line needs no block (NO_LPOS, EMPTY_LINE_LPOS); 1 says that there was no room.
      return new Text("", begin == EMPTY && next == EMPTY);
    }
    long size = 1L << sizeBits;
    long last = next - 1 & wordMask();
    long from = begin & size - 1;
    long end = (last & size - 1) + 1;
    if (begin >>> sizeBits != last >>> sizeBits) {
      long wraps = (last >>> sizeBits) - (begin >>> sizeBits) & wordMask() >>> sizeBits;
      if (wraps != 1) {
        return new Text("", false);
      }
      from = 0;
    }
    long room = end - from - word;
    if (room < 0 || from % word != 0 || memory.word(text + from) != id) {
      return new Text("", false); // the block was given to another record already
    }
    // While it is written, a record's length is not set yet: what was copied ends with a NUL.
    boolean open = state == RESERVED && length == 0;
    int bytes = (int) Math.min(open ? 1 << 16 : length, Math.min(room, left));
    left -= bytes;
    String said = new String(memory.bytes(text + from + word, bytes), StandardCharsets.ISO_8859_1);
    if (open) {
      int nul = said.indexOf('\0');
      return new Text(nul < 0 ? said : said.substring(0, nul), true);
    }
    return new Text(said, bytes == length);
  }
}
