package dev.vmstate.core.log;

import static dev.vmstate.core.objects.HandKernel.DIRECT;

import dev.vmstate.core.kallsyms.SymbolTable;
import dev.vmstate.core.objects.HandKernel;
import dev.vmstate.core.objects.KernelObjects;
import dev.vmstate.core.vmcoreinfo.Vmcoreinfo;
import dev.vmstate.core.vmcoreinfo.VmcoreinfoTypes;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Optional;

/**
 * A lockless printk ring as a writer leaves it, after kernel/printk/printk_ringbuffer.c: 64-bit,
 * offsets as in Linux 5.10. Positions and numbers start where they soon overflow.
 */
final class HandRing {
  static final long RING = DIRECT + 0x20000;
  static final long DESCS = DIRECT + 0x30000;
  static final long INFOS = DIRECT + 0x40000;
  static final long DATA = DIRECT + 0x60000;
  static final int FINALIZED = 2;
  static final int COMMITTED = 1;
  static final int RESERVED = 0;
  private static final long PRB = DIRECT + 0x10000;
  private static final long ID_MASK = -1L >>> 2;

  /** As the kernel writes it; of the whole text what concerns the log. */
  static final String VMCOREINFO =
      "OSRELEASE=5.10.0\nPAGESIZE=4096\nSYMBOL(_stext)=ffffffff81000000\n"
          + "SYMBOL(prb)=%x\n".formatted(PRB)
          + "SIZE(printk_ringbuffer)=80\nOFFSET(printk_ringbuffer.desc_ring)=0\n"
          + "OFFSET(printk_ringbuffer.text_data_ring)=40\nOFFSET(printk_ringbuffer.fail)=72\n"
          + "SIZE(prb_desc_ring)=40\nOFFSET(prb_desc_ring.count_bits)=0\n"
          + "OFFSET(prb_desc_ring.descs)=8\nOFFSET(prb_desc_ring.infos)=16\n"
          + "OFFSET(prb_desc_ring.head_id)=24\nOFFSET(prb_desc_ring.tail_id)=32\n"
          + "SIZE(prb_desc)=24\nOFFSET(prb_desc.state_var)=0\nOFFSET(prb_desc.text_blk_lpos)=8\n"
          + "SIZE(prb_data_blk_lpos)=16\nOFFSET(prb_data_blk_lpos.begin)=0\n"
          + "OFFSET(prb_data_blk_lpos.next)=8\nSIZE(printk_info)=88\nOFFSET(printk_info.seq)=0\n"
          + "OFFSET(printk_info.ts_nsec)=8\nOFFSET(printk_info.text_len)=16\n"
          + "OFFSET(printk_info.caller_id)=20\nOFFSET(printk_info.dev_info)=24\n"
          + "SIZE(dev_printk_info)=64\nOFFSET(dev_printk_info.subsystem)=0\n"
          + "LENGTH(printk_info_subsystem)=16\nOFFSET(dev_printk_info.device)=16\n"
          + "LENGTH(printk_info_device)=48\nSIZE(prb_data_ring)=32\n"
          + "OFFSET(prb_data_ring.size_bits)=0\nOFFSET(prb_data_ring.data)=8\n"
          + "OFFSET(prb_data_ring.head_lpos)=16\nOFFSET(prb_data_ring.tail_lpos)=24\n"
          + "SIZE(atomic_long_t)=8\nOFFSET(atomic_long_t.counter)=0\n";

  private record Block(long id, long begin) {}

  final HandKernel kernel = new HandKernel();
  private final int countBits;
  private final int sizeBits;
  private final boolean fitting;
  private final Deque<Block> alive = new ArrayDeque<>();
  private long head;
  private long tail;
  private long position;
  private long seq;

  /**
   * An empty one.
   *
   * @param fitting whether a block may end exactly where the ring does, as in newer kernels
   */
  HandRing(int countBits, int sizeBits, boolean fitting) {
    this.countBits = countBits;
    this.sizeBits = sizeBits;
    this.fitting = fitting;
    head = -((1L << countBits) + 1) & ID_MASK;
    tail = head;
    position = -(1L << sizeBits);
    kernel.word(PRB, RING);
    long last = DESCS + 24L * ((1 << countBits) - 1);
    kernel.word(last, 3L << 62 | head).word(last + 8, 1).word(last + 16, 1);
    ring();
  }

  private void ring() {
    kernel.word(RING, countBits).word(RING + 8, DESCS).word(RING + 16, INFOS);
    kernel.word(RING + 24, head).word(RING + 32, tail);
    kernel.word(RING + 40, sizeBits).word(RING + 48, DATA).word(RING + 56, position);
  }

  /** A record of the kernel, level 6. */
  HandRing add(String text) {
    return add(text, FINALIZED, 6, "", "");
  }

  HandRing add(String text, int state, int level, String subsystem, String device) {
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    long begin = 3;
    long next = 3;
    head = head + 1 & ID_MASK;
    if (bytes.length > 0) {
      long size = 8 + bytes.length + 7 & -8L;
      begin = position;
      next = begin + size;
      boolean wraps = begin >> sizeBits != (fitting ? next - 1 : next) >> sizeBits;
      long index = begin & (1L << sizeBits) - 1;
      if (wraps) {
        kernel.word(DATA + index, head);
        index = 0;
        next = (next >> sizeBits << sizeBits) + size;
      }
      kernel.word(DATA + index, head).bytes(DATA + index + 8, bytes);
      position = next;
    }
    alive.add(new Block(head, begin));
    while (alive.size() > 1 << countBits
        || alive.stream()
            .anyMatch(block -> block.begin() != 3 && position - block.begin() > 1L << sizeBits)) {
      alive.remove();
    }
    tail = alive.getFirst().id();
    descriptor(head, state, begin, next);
    info(head, bytes.length, level, subsystem, device);
    seq++;
    ring();
    return this;
  }

  private int index(long id) {
    return (int) (id & (1L << countBits) - 1);
  }

  void descriptor(long id, int state, long begin, long next) {
    long at = DESCS + 24L * index(id);
    kernel.word(at, (long) state << 62 | id).word(at + 8, begin).word(at + 16, next);
  }

  private void info(long id, int length, int level, String subsystem, String device) {
    ByteBuffer info = ByteBuffer.allocate(88).order(ByteOrder.LITTLE_ENDIAN);
    info.putLong(seq).putLong(seq * 1_500_000_000L).putShort((short) length);
    info.put((byte) 0).put((byte) (2 | level << 5)).putInt((int) (seq % 2 << 31 | seq));
    info.position(24).put(subsystem.getBytes(StandardCharsets.UTF_8));
    info.position(40).put(device.getBytes(StandardCharsets.UTF_8));
    kernel.bytes(INFOS + 88L * index(id), info.array());
  }

  /** Number of the youngest record. */
  long head() {
    return head;
  }

  /** What is read of a log. */
  record Read(List<LogRecord> records, List<String> notes) {
    List<String> texts() {
      return records.stream().map(LogRecord::text).toList();
    }
  }

  /** By VMCOREINFO alone, as of a kernel without types and with functions only in kallsyms. */
  Read read() throws Exception {
    Vmcoreinfo info = Vmcoreinfo.of(VMCOREINFO.getBytes(StandardCharsets.US_ASCII)).orElseThrow();
    KernelObjects objects =
        new KernelObjects(
            kernel.objects().kernel(), SymbolTable.EMPTY, new VmcoreinfoTypes(info, 8));
    return read(KernelLog.of(objects, Optional.of(info)));
  }

  static Read read(KernelLog log) throws Exception {
    List<LogRecord> records = new ArrayList<>();
    List<String> notes = log.read(records::add);
    return new Read(records, notes);
  }
}
