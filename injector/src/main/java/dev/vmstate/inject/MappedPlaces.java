package dev.vmstate.inject;

import dev.vmstate.bytes.ByteSource;
import dev.vmstate.bytes.Patch;
import dev.vmstate.bytes.Span;
import dev.vmstate.ram.BitmapOrder;
import dev.vmstate.stream.MappedRam;
import dev.vmstate.stream.RamSetup;
import java.io.IOException;
import java.nio.ByteBuffer;
import org.jspecify.annotations.Nullable;

/**
 * Puts pages that were zero into a mapped-ram stream: the whole page where it belongs, since old
 * bytes may stand there, and its bit in the bitmap. Nothing moves and nothing is appended.
 */
final class MappedPlaces implements NewPages {
  private final ByteSource stream;
  private final RamSetup ram;
  private final StreamTarget target;
  private @Nullable BitmapOrder order;
  private long bitsAt = -1;
  private int bits;

  MappedPlaces(ByteSource stream, RamSetup ram, StreamTarget target) {
    this.stream = stream;
    this.ram = ram;
    this.target = target;
  }

  /** The bits of eight pages are written at once. */
  @Override
  public void put(int block, long page, byte[] bytes) throws IOException {
    MappedRam place = ram.mapped().get(block);
    Span where = place.pages().at(page * bytes.length, bytes.length);
    target.patch(new Patch(where, ByteBuffer.wrap(bytes.clone())));
    long at = place.bitmap().offset() + order().byteOf(page);
    if (at != bitsAt) {
      finish();
      bitsAt = at;
      bits = stream.read(new Span(at, 1)).get();
    }
    bits |= 1 << (page % 8);
  }

  private BitmapOrder order() throws IOException {
    BitmapOrder known = order;
    if (known == null) {
      known = BitmapOrder.of(stream, ram);
      order = known;
    }
    return known;
  }

  /** Writes the last bits. */
  @Override
  public void finish() throws IOException {
    if (bitsAt >= 0) {
      target.patch(Patch.of(bitsAt, new byte[] {(byte) bits}));
      bitsAt = -1;
    }
  }

  /** Each page was there already, with a bit that said zero. */
  @Override
  public long appended() {
    return 0;
  }
}
