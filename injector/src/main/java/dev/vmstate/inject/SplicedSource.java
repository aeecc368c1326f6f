package dev.vmstate.inject;

import dev.vmstate.bytes.ByteSource;
import dev.vmstate.bytes.Splice;
import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Map;
import java.util.TreeMap;

/** A source as it is with splices in it, without writing it anywhere. */
final class SplicedSource implements ByteSource {
  private final ByteSource old;
  private final long size;

  /** By where they start. */
  private final TreeMap<Long, Piece> pieces = new TreeMap<>();

  /** Bytes that come, or, when there are none of those, bytes that stay. */
  private record Piece(long at, long length, long from, ByteBuffer with) {}

  SplicedSource(ByteSource old, Splices splices) {
    this.old = old;
    this.size = old.size() + splices.growth();
    for (Splices.Kept kept : splices.kept(old.size())) {
      put(kept.becomes(), kept.where().length(), kept.where().offset(), ByteBuffer.allocate(0));
    }
    long shift = 0;
    for (Splice splice : splices.list()) {
      if (splice.with().hasRemaining()) {
        put(splice.where().offset() + shift, splice.with().remaining(), 0, splice.with());
      }
      shift += splice.growth();
    }
  }

  private void put(long at, long length, long from, ByteBuffer with) {
    pieces.put(at, new Piece(at, length, from, with));
  }

  @Override
  public String name() {
    return old.name();
  }

  @Override
  public long size() {
    return size;
  }

  @Override
  public void read(long offset, ByteBuffer into) throws IOException {
    if (offset < 0 || offset > size - into.remaining()) {
      throw new EOFException(
          "%s: 0x%x+0x%x is past the end 0x%x".formatted(name(), offset, into.remaining(), size));
    }
    long at = offset;
    while (into.hasRemaining()) {
      Map.Entry<Long, Piece> entry = pieces.floorEntry(at);
      if (entry == null) {
        throw new IllegalStateException("no byte at " + at);
      }
      Piece piece = entry.getValue();
      long inside = at - piece.at();
      int part = (int) Math.min(into.remaining(), piece.length() - inside);
      if (!piece.with().hasRemaining()) {
        int limit = into.limit();
        into.limit(into.position() + part);
        old.read(piece.from() + inside, into);
        into.limit(limit);
      } else {
        into.put(piece.with().slice((int) inside, part));
      }
      at += part;
    }
  }
}
