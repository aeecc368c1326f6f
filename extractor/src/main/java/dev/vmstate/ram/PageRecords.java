package dev.vmstate.ram;

import dev.vmstate.bytes.ByteSource;
import dev.vmstate.bytes.FormatException;
import dev.vmstate.bytes.Progress;
import dev.vmstate.bytes.UnsupportedFormatException;
import dev.vmstate.memory.RamBlock;
import dev.vmstate.stream.RamFlags;
import dev.vmstate.stream.RecordType;
import dev.vmstate.stream.SectionHeader;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Reads the payload of {@code ram} PART and END sections.
 *
 * <pre>
 * Payload ::= Item* u64 EOS
 * Item    ::= u64 (offset | flags) [countedString block, unless CONTINUE]
 *             ( PAGE: one page of bytes | ZERO: u8 value | MULTIFD_FLUSH: nothing )
 * </pre>
 *
 * <p>Source: {@code migration/ram.c}, ram_save_page, save_zero_page, ram_load_precopy. The block an
 * item continues is remembered across sections. A page may come again, also as ZERO after it came
 * with data: the last one counts.
 */
public final class PageRecords {
  private final SequentialReader in;
  private final String name;
  private final List<RamBlock> blocks;
  private final Map<String, Integer> byName = new HashMap<>();
  private final int pageSize;
  private final PageVisitor visitor;
  private int block = -1;
  private long blockBytes;

  /**
   * @param start stream offset of the record after the RAM setup
   * @param visitor sees every page record
   * @param progress told how far the stream is read
   */
  public PageRecords(
      ByteSource stream,
      long start,
      List<RamBlock> blocks,
      int pageSize,
      PageVisitor visitor,
      Progress progress) {
    this.in = new SequentialReader(stream, start, progress);
    this.name = stream.name();
    this.blocks = blocks;
    this.pageSize = pageSize;
    this.visitor = visitor;
    for (int i = 0; i < blocks.size(); i++) {
      byName.put(blocks.get(i).name(), i);
    }
  }

  /** Where the next byte to be read stands. */
  public long position() {
    return in.position();
  }

  /** Goes on reading at another place; the block an item continues stays the same. */
  public void moveTo(long position) {
    in.moveTo(position);
  }

  /** The next byte without moving, or -1 at the end of the stream. */
  public int peek() throws IOException {
    return in.peek();
  }

  /** Whether the next record is a PART or END of section {@code id}, which is passed over then. */
  public boolean entersPart(long id) throws IOException {
    int type = peek();
    if (type != RecordType.SECTION_PART && type != RecordType.SECTION_END) {
      return false;
    }
    in.need(5, "section id");
    if ((in.buffer().getInt(in.at() + 1) & 0xffff_ffffL) != id) {
      return false;
    }
    in.advance(5);
    return true;
  }

  /** Reads the footer of section {@code id}. */
  public void footer(long id) throws IOException {
    long start = in.position();
    in.need(SectionHeader.FOOTER_SIZE, "footer of the ram section");
    if (in.buffer().get(in.at()) != RecordType.SECTION_FOOTER
        || (in.buffer().getInt(in.at() + 1) & 0xffff_ffffL) != id) {
      throw bad(start, "no footer (7e and section id %d) where a ram part ends".formatted(id));
    }
    in.advance(SectionHeader.FOOTER_SIZE);
  }

  /**
   * Reads one payload up to and with its EOS.
   *
   * @return where the EOS word stands: the place at which more items can be put
   */
  public long payload() throws IOException {
    ByteBuffer buffer = in.buffer();
    int flagMask = pageSize - 1;
    while (true) {
      long start = in.position();
      in.need(8, "RAM item");
      long word = buffer.getLong(in.at());
      in.advance(8);
      int flags = (int) word & flagMask;
      if (flags == RamFlags.EOS) {
        return start;
      }
      if (flags == RamFlags.MULTIFD_FLUSH) {
        continue;
      }
      if ((flags & ~RamFlags.CONTINUE) != RamFlags.PAGE
          && (flags & ~RamFlags.CONTINUE) != RamFlags.ZERO) {
        throw unexpected(start, flags);
      }
      if ((flags & RamFlags.CONTINUE) == 0) {
        block(start);
      } else if (block < 0) {
        throw bad(start, "a RAM item that continues a block before any block was named");
      }
      long offset = word & ~(long) flagMask;
      if (offset < 0 || offset >= blockBytes) {
        throw bad(
            start,
            "page offset 0x%x in RAM block '%s', which is 0x%x bytes long"
                .formatted(offset, blocks.get(block).name(), blockBytes));
      }
      long page = offset / pageSize;
      if ((flags & RamFlags.PAGE) != 0) {
        in.need(pageSize, "page");
        visitor.data(block, page, buffer, in.at(), in.position());
        in.advance(pageSize);
      } else {
        in.need(1, "fill byte");
        visitor.fill(block, page, buffer.get(in.at()) & 0xff);
        in.advance(1);
      }
    }
  }

  private void block(long start) throws IOException {
    in.need(1, "length of the block name");
    int length = in.buffer().get(in.at()) & 0xff;
    in.advance(1);
    in.need(length, "block name");
    byte[] text = new byte[length];
    in.buffer().get(in.at(), text);
    in.advance(length);
    String blockName = new String(text, StandardCharsets.ISO_8859_1);
    Integer found = byName.get(blockName);
    if (found == null) {
      throw bad(start, "a page of RAM block '%s', which the block list lacks".formatted(blockName));
    }
    block = found;
    blockBytes = blocks.get(block).bytes();
  }

  private FormatException unexpected(long start, int flags) {
    String what =
        switch (flags & ~RamFlags.CONTINUE) {
          case RamFlags.XBZRLE -> "an XBZRLE page";
          case RamFlags.COMPRESS_PAGE, RamFlags.COMPRESS_PAGE | RamFlags.PAGE ->
              "a compressed page";
          case RamFlags.HOOK -> "an RDMA control item";
          default -> null;
        };
    if (what != null) {
      return new UnsupportedFormatException(
          name,
          start,
          what + ": this version reads streams with plain pages; save without that capability");
    }
    return bad(start, "RAM item flags 0x%x, none QEMU writes".formatted(flags));
  }

  private FormatException bad(long offset, String what) {
    return new FormatException(name, offset, what);
  }
}
