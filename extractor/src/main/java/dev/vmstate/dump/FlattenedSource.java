package dev.vmstate.dump;

import dev.vmstate.bytes.ByteSource;
import dev.vmstate.bytes.Cursor;
import dev.vmstate.bytes.FormatException;
import dev.vmstate.bytes.UnsupportedFormatException;
import dev.vmstate.bytes.WindowedSource;
import dev.vmstate.kdump.FlatRecord;
import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.Collections;
import java.util.PriorityQueue;

/**
 * The file a flattened dump stands for, without making it: an index of the records says where each
 * byte is. What no record wrote is zero, as in the sparse file makedumpfile -R would make.
 */
final class FlattenedSource implements ByteSource {
  private static final int NOTHING = -1;

  /** The heads of records are far apart: a larger window would read what nobody wants. */
  private static final int WINDOW = 512;

  private final ByteSource file;
  private final FlatRuns runs = new FlatRuns(FlatRecord.BYTES);
  private final long size;

  /** Pieces in ascending order: piece i starts at starts[i], ends where the next one starts. */
  private long[] starts = new long[1024];

  private int[] pieceRun = new int[1024];
  private int pieces;
  private int lastPiece;

  /**
   * Reads the head of every record.
   *
   * @throws FormatException when the file is damaged or ends without its mark
   */
  FlattenedSource(ByteSource file) throws IOException {
    this.file = file;
    ByteSource windowed = new WindowedSource(file, WINDOW);
    Cursor in = Cursor.of(windowed);
    FlatRecord.decodeHeader(in, file.name());
    long end = 0;
    while (true) {
      FlatRecord record = FlatRecord.decode(in);
      if (record.end()) {
        break;
      }
      long from =
          in.skip(record.size(), "record for 0x" + Long.toHexString(record.offset())).offset();
      if (!runs.add(record.offset(), from, record.size())) {
        throw new UnsupportedFormatException(
            file.name(),
            from,
            "more than 2 million records: make a plain dump of it first, 'makedumpfile -R PLAIN <"
                + " FLATTENED'");
      }
      end = Math.max(end, record.offset() + record.size());
    }
    this.size = end;
    resolve();
  }

  /** Later records win: of all runs that reach over a place the one that stands last counts. */
  private void resolve() throws FormatException {
    int[] order = runs.byStart();
    PriorityQueue<Integer> open = new PriorityQueue<>(Collections.reverseOrder());
    long at = 0;
    int next = 0;
    while (at < size) {
      while (next < order.length && runs.start(order[next]) <= at) {
        open.add(order[next++]);
      }
      while (!open.isEmpty() && runs.end(open.peek()) <= at) {
        open.remove();
      }
      long until = next < order.length ? runs.start(order[next]) : size;
      if (open.isEmpty()) {
        piece(at, NOTHING);
      } else {
        piece(at, open.peek());
        until = Math.min(until, runs.end(open.peek()));
      }
      at = until;
    }
    starts = Arrays.copyOf(starts, pieces + 1);
    starts[pieces] = size;
  }

  private void piece(long at, int run) throws FormatException {
    if (pieces > 0 && pieceRun[pieces - 1] == run) {
      return;
    }
    if (pieces == 2 * FlatRuns.LIMIT) {
      throw new UnsupportedFormatException(file.name(), at, "the records overlap too often");
    }
    if (pieces == pieceRun.length) {
      int more = pieces + (pieces >>> 1);
      starts = Arrays.copyOf(starts, more);
      pieceRun = Arrays.copyOf(pieceRun, more);
    }
    starts[pieces] = at;
    pieceRun[pieces++] = run;
  }

  @Override
  public String name() {
    return file.name() + " (unflattened)";
  }

  @Override
  public long size() {
    return size;
  }

  @Override
  public void read(long offset, ByteBuffer into) throws IOException {
    if (offset < 0 || offset > size - into.remaining()) {
      throw new EOFException(
          "%s: 0x%x+0x%x is past the end 0x%x of what it unfolds to"
              .formatted(name(), offset, into.remaining(), size));
    }
    int limit = into.limit();
    long at = offset;
    while (into.position() < limit) {
      int piece = find(at);
      int run = pieceRun[piece];
      long length = Math.min(limit - into.position(), starts[piece + 1] - at);
      if (run == NOTHING) {
        length = Math.min(length, 1 << 16);
        into.put(new byte[(int) length]);
      } else {
        length = Math.min(length, runs.together(run, at));
        into.limit(into.position() + (int) length);
        file.read(runs.fileOffset(run, at), into);
        into.limit(limit);
      }
      at += length;
    }
  }

  /** The piece that holds {@code at}; mostly the one of the last time, or the next. */
  private int find(long at) {
    for (int piece = lastPiece; piece < Math.min(lastPiece + 2, pieces); piece++) {
      if (starts[piece] <= at && at < starts[piece + 1]) {
        lastPiece = piece;
        return piece;
      }
    }
    int found = Arrays.binarySearch(starts, 0, pieces, at);
    lastPiece = found < 0 ? -found - 2 : found;
    return lastPiece;
  }
}
