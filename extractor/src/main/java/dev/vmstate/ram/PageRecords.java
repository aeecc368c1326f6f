package dev.vmstate.ram;

import dev.vmstate.bytes.ByteSource;
import dev.vmstate.bytes.FormatException;
import dev.vmstate.bytes.Progress;
import dev.vmstate.bytes.Span;
import dev.vmstate.bytes.UnsupportedFormatException;
import dev.vmstate.memory.RamBlock;
import dev.vmstate.stream.RamFlags;
import dev.vmstate.stream.RamSetup;
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
 *             ( PAGE: one page of bytes | ZERO: u8 value
 *             | XBZRLE: u8 1, u16 length, that many bytes of delta
 *             | COMPRESS_PAGE: u32 length, that many bytes of zlib stream )
 * </pre>
 *
 * <p>Source: {@code migration/ram.c}, ram_save_page, save_zero_page, ram_load_precopy, load_xbzrle.
 * The block an item continues is remembered across sections. A page may come again, also as ZERO
 * after it came with data: the last one counts. A delta changes the page as the items before it
 * left it. In a mapped-ram stream these sections hold an EOS and nothing else.
 */
public final class PageRecords {
  private static final int ENCODING_FLAG_XBZRLE = 1;

  private final SequentialReader in;
  private final String name;
  private final RamSetup ram;
  private final List<RamBlock> blocks;
  private final Map<String, Integer> byName = new HashMap<>();
  private final int pageSize;
  private final RamPages pages;
  private final RamIndex index;
  private final PageVisitor visitor;
  private int block = -1;
  private long blockBytes;
  private boolean anyBytes;
  private boolean anyZero;

  /**
   * Reads a stream from the record after the RAM setup on.
   *
   * @param pages learns of every page record, before {@code visitor} does
   * @param visitor sees every page record
   * @param progress told how far the stream is read
   */
  public PageRecords(
      ByteSource stream,
      RamSetup ram,
      int pageSize,
      RamPages pages,
      PageVisitor visitor,
      Progress progress) {
    this.in = new SequentialReader(stream, ram.span().end(), progress);
    this.name = stream.name();
    this.ram = ram;
    this.blocks = ram.blocks();
    this.pageSize = pageSize;
    this.pages = pages;
    this.index = pages.index();
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
    visitor.starts(in.position());
    while (true) {
      long start = in.position();
      in.need(8, "RAM item");
      long word = buffer.getLong(in.at());
      in.advance(8);
      int flags = (int) word & flagMask;
      if (flags == RamFlags.EOS) {
        visitor.ends(start);
        return start;
      }
      item(start, word & ~(long) flagMask, flags);
    }
  }

  private void item(long start, long offset, int flags) throws IOException {
    if (ram.isMapped()) {
      throw bad(
          start, "RAM item flags 0x%x in a mapped-ram stream, only 0x10 expected".formatted(flags));
    }
    int kind = flags & ~RamFlags.CONTINUE;
    requireKnown(start, flags, kind);
    if ((flags & RamFlags.CONTINUE) == 0) {
      block(start);
    } else if (block < 0) {
      throw bad(start, "a RAM item that continues a block before any block was named");
    }
    if (offset < 0 || offset >= blockBytes) {
      throw bad(
          start,
          "page offset 0x%x in RAM block '%s', which is 0x%x bytes long"
              .formatted(offset, blocks.get(block).name(), blockBytes));
    }
    long page = offset / pageSize;
    switch (kind) {
      case RamFlags.PAGE -> {
        in.need(pageSize, "page");
        index.data(block, page, in.buffer(), in.at(), in.position());
        visitor.data(block, page, in.buffer(), in.at(), in.position());
        in.advance(pageSize);
        anyBytes = true;
      }
      case RamFlags.ZERO -> {
        in.need(1, "fill byte");
        int value = in.buffer().get(in.at()) & 0xff;
        index.fill(block, page, value);
        visitor.fill(block, page, value);
        in.advance(1);
        anyZero = true;
      }
      case RamFlags.XBZRLE -> delta(start, page);
      default -> compressed(page);
    }
  }

  /** The page as it is so far, changed by a delta. */
  private void delta(long start, long page) throws IOException {
    in.need(3, "XBZRLE header");
    int encoding = in.buffer().get(in.at()) & 0xff;
    int length = in.buffer().getShort(in.at() + 1) & 0xffff;
    if (encoding != ENCODING_FLAG_XBZRLE || length > pageSize) {
      throw bad(
          start,
          "XBZRLE encoding %d of 0x%x bytes, encoding 1 of at most a page expected"
              .formatted(encoding, length));
    }
    in.advance(3);
    in.need(length, "XBZRLE delta");
    byte[] bytes = new byte[pageSize];
    pages.read(block, page, 0, ByteBuffer.wrap(bytes));
    if (!Xbzrle.apply(bytes, in.buffer(), in.at(), length)) {
      throw bad(start, "an XBZRLE delta of 0x%x bytes that does not fit a page".formatted(length));
    }
    in.advance(length);
    pages.changed(block, page, bytes);
    visitor.data(block, page, ByteBuffer.wrap(bytes), 0, -1);
    anyBytes = true;
  }

  private void compressed(long page) throws IOException {
    long at = in.position();
    in.need(4, "length of a compressed page");
    int length = in.buffer().getInt(in.at());
    if (length <= 0 || length > DeflatedPage.mostBytes(pageSize)) {
      throw bad(at, "a compressed page of %d bytes".formatted(length & 0xffff_ffffL));
    }
    in.advance(4);
    in.need(length, "compressed page");
    byte[] bytes = new byte[pageSize];
    DeflatedPage.inflate(in.buffer().slice(in.at(), length), bytes, name, at);
    in.advance(length);
    index.deflated(block, page, at);
    visitor.data(block, page, ByteBuffer.wrap(bytes), 0, -1);
    anyBytes = true;
  }

  /**
   * Refuses a stream whose pages went somewhere else: multifd before QEMU 8.0 left no mark in the
   * main stream, only the zero pages; and firmware is never all zeros.
   *
   * @param eof where the stream's end stands
   */
  public void requirePages(long eof) throws FormatException {
    if (anyZero && !anyBytes && blocks.stream().anyMatch(PageRecords::isFirmware)) {
      throw new UnsupportedFormatException(
          name, eof, "no page of data, only zeros: " + RamFlags.MULTIFD);
    }
  }

  private static boolean isFirmware(RamBlock block) {
    return block.name().equals("pc.bios") || block.name().startsWith("/rom@etc/");
  }

  private void block(long start) throws IOException {
    long at = in.position();
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
    visitor.named(block, new Span(at, 1L + length));
  }

  private void requireKnown(long start, int flags, int kind) throws FormatException {
    switch (kind) {
      case RamFlags.PAGE, RamFlags.ZERO, RamFlags.XBZRLE, RamFlags.COMPRESS_PAGE -> {}
      case RamFlags.MULTIFD_FLUSH ->
          throw new UnsupportedFormatException(name, start, RamFlags.MULTIFD);
      case RamFlags.HOOK -> throw new UnsupportedFormatException(name, start, RamFlags.RDMA);
      default -> throw bad(start, "RAM item flags 0x%x, none QEMU writes".formatted(flags));
    }
  }

  private FormatException bad(long offset, String what) {
    return new FormatException(name, offset, what);
  }
}
