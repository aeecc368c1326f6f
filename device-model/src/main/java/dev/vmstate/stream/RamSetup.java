package dev.vmstate.stream;

import dev.vmstate.bytes.Cursor;
import dev.vmstate.bytes.FormatException;
import dev.vmstate.bytes.Span;
import dev.vmstate.bytes.UnsupportedFormatException;
import dev.vmstate.memory.RamBlock;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * The START part of the {@code ram} section: which blocks there are, and in a mapped-ram stream
 * their pages.
 *
 * <pre>
 * RamSetup ::= SectionHeader("ram", version 4) u64 (total | MEM_SIZE) Block* u64 EOS [SectionFooter]
 * Block    ::= countedString idstr, u64 used_length [u64 mr_addr if x-ignore-shared]
 *              [MappedRam if mapped-ram]
 * </pre>
 *
 * <p>Source: {@code migration/ram.c}, ram_save_setup. The list has no count: it ends when the
 * lengths add up to {@code total}.
 *
 * @param header of the section
 * @param blocks longest first, as QEMU lists them
 * @param mapped where each block's pages stand; empty unless the stream is mapped-ram
 * @param footers whether sections of this stream end with a footer
 * @param span header to footer; in a mapped-ram stream all pages of RAM lie in it
 */
public record RamSetup(
    SectionHeader header,
    List<RamBlock> blocks,
    List<MappedRam> mapped,
    boolean footers,
    Span span) {
  private static final int RAM_VERSION = 4;
  private static final int MAX_BLOCKS = 4096;

  /** Nothing real is larger. */
  private static final long MAX_RAM = 1L << 46;

  public RamSetup {
    blocks = List.copyOf(blocks);
    mapped = List.copyOf(mapped);
  }

  /** Whether pages stand at fixed places instead of in records. */
  public boolean isMapped() {
    return !mapped.isEmpty();
  }

  /** The parts of {@link #span} that say what blocks there are, but not which pages. */
  public List<Span> list() {
    List<Span> parts = new ArrayList<>();
    long from = span.offset();
    for (MappedRam block : mapped) {
      if (block.stored()) {
        parts.add(new Span(from, block.bitmap().offset() - from));
        from = block.pages().end();
      }
    }
    parts.add(new Span(from, span.end() - from));
    return parts;
  }

  /** Bytes of RAM the section says it describes; reads no more of it than that. */
  public static long declaredBytes(Cursor in, StreamHeader stream) throws IOException {
    SectionHeader.decode(in);
    return total(in, stream.pageSize());
  }

  private static long total(Cursor in, int pageSize) throws IOException {
    long word = in.u64("RAM size and flags");
    if ((word & (pageSize - 1)) != RamFlags.MEM_SIZE) {
      throw in.bad(
          "flags 0x%x where the block list (0x4) should start".formatted(word & (pageSize - 1)));
    }
    long bytes = word & -pageSize;
    if (bytes < 0 || bytes > MAX_RAM) {
      throw in.bad("0x%x bytes of RAM: more than any machine has".formatted(bytes));
    }
    return bytes;
  }

  /**
   * Decodes from the section's type byte on.
   *
   * @param streamAt file offset of the stream's first byte: mapped-ram writes file offsets
   */
  public static RamSetup decode(Cursor in, StreamHeader stream, String place, long streamAt)
      throws IOException {
    SectionHeader header = SectionHeader.decode(in);
    if (!header.idstr().equals("ram")) {
      throw in.bad("section '%s' where 'ram' should start".formatted(header.idstr()));
    }
    if (header.version() != RAM_VERSION) {
      throw new UnsupportedFormatException(
          place,
          header.span().offset(),
          "ram section version %d, only 4 is known".formatted(header.version()));
    }
    int pageSize = stream.pageSize();
    long left = total(in, pageSize);
    List<RamBlock> blocks = new ArrayList<>();
    List<MappedRam> mapped = new ArrayList<>();
    Set<String> names = new HashSet<>();
    while (left > 0) {
      RamBlock block = block(in, left, pageSize);
      if (!names.add(block.name())) {
        throw in.bad("a second RAM block '%s'".formatted(block.name()));
      }
      if (stream.has("x-ignore-shared")) {
        in.u64("address of RAM block " + block.name());
      }
      if (stream.has("mapped-ram")) {
        mapped.add(MappedRam.decode(in, block, stream.has("x-ignore-shared"), streamAt));
      }
      left -= block.bytes();
      blocks.add(block);
      if (blocks.size() > MAX_BLOCKS) {
        throw in.bad("more than " + MAX_BLOCKS + " RAM blocks");
      }
    }
    long eos = in.position();
    long end = in.u64("end of the RAM block list");
    if (end != RamFlags.EOS) {
      throw notTheEnd(in, end, place, eos);
    }
    boolean footers = in.peek() == RecordType.SECTION_FOOTER;
    if (footers) {
      SectionHeader.footer(in, header.id(), "ram");
    }
    long start = header.span().offset();
    return new RamSetup(header, blocks, mapped, footers, new Span(start, in.position() - start));
  }

  private static RamBlock block(Cursor in, long left, int pageSize) throws IOException {
    String name = in.countedString("RAM block name");
    if (!SectionHeader.printable(name)) {
      throw in.bad("a RAM block name with unprintable characters");
    }
    long length = in.u64("length of RAM block " + name);
    if (length <= 0 || length > left || (length & (pageSize - 1)) != 0) {
      throw in.bad(
          "RAM block '%s' is 0x%x bytes long, 0x%x of the total are left"
              .formatted(name, length, left));
    }
    return new RamBlock(name, length, pageSize);
  }

  /** Since QEMU 8.0 the list of a multifd stream ends with MULTIFD_FLUSH before EOS. */
  private static FormatException notTheEnd(Cursor in, long word, String place, long at) {
    if (word == RamFlags.MULTIFD_FLUSH) {
      return new UnsupportedFormatException(place, at, RamFlags.MULTIFD);
    }
    if (word == RamFlags.HOOK) {
      return new UnsupportedFormatException(place, at, RamFlags.RDMA);
    }
    return in.bad("0x%x where the block list should end (0x10)".formatted(word));
  }
}
