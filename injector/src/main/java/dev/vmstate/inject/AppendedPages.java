package dev.vmstate.inject;

import dev.vmstate.memory.RamBlock;
import dev.vmstate.snapshot.StreamSnapshot;
import dev.vmstate.stream.RamFlags;
import dev.vmstate.stream.RamSetup;
import dev.vmstate.stream.RecordType;
import dev.vmstate.stream.SectionHeader;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.List;

/**
 * Pages as records added to the end of a stream's RAM section. A record is {@code u64 (offset |
 * PAGE)}, the block's counted name, and the page; from the second record of a block on CONTINUE
 * stands in for the name.
 */
final class AppendedPages implements NewPages {
  private final StreamSnapshot snapshot;
  private final List<RamBlock> blocks;
  private final StreamTarget target;
  private long count;
  private int last = -1;

  AppendedPages(StreamSnapshot snapshot, StreamTarget target) {
    this.snapshot = snapshot;
    this.blocks = snapshot.blocks();
    this.target = target;
  }

  @Override
  public void put(int block, long page, byte[] bytes) throws IOException {
    if (count == 0 && snapshot.index().hasDeflated()) {
      target.append(nextSection());
    }
    byte[] name = blocks.get(block).name().getBytes(StandardCharsets.ISO_8859_1);
    boolean named = block != last;
    ByteBuffer record = ByteBuffer.allocate(8 + (named ? 1 + name.length : 0) + bytes.length);
    record.putLong(page * bytes.length | RamFlags.PAGE | (named ? 0 : RamFlags.CONTINUE));
    if (named) {
      record.put((byte) name.length).put(name);
    }
    record.put(bytes).flip();
    last = block;
    count++;
    target.append(record);
  }

  /**
   * Ends the section and begins another. QEMU inflates pages in threads of their own and waits for
   * them at the end of a section (wait_for_decompress_done): a page appended to the same section
   * could be overwritten by its older, compressed self.
   */
  private ByteBuffer nextSection() {
    RamSetup ram = snapshot.ram();
    ByteBuffer bytes = ByteBuffer.allocate(8 + 2 * SectionHeader.FOOTER_SIZE).putLong(RamFlags.EOS);
    if (ram.footers()) {
      bytes.put((byte) RecordType.SECTION_FOOTER).putInt((int) ram.header().id());
    }
    return bytes.put((byte) RecordType.SECTION_PART).putInt((int) ram.header().id()).flip();
  }

  @Override
  public void finish() {}

  @Override
  public long appended() {
    return count;
  }
}
