package dev.vmstate.core.process;

import dev.vmstate.memory.GuestMemory;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/** Copies pages out of guest memory; those of zeros stay holes. */
final class PieceWriter {
  private static final int PAGE = 4096;
  private static final int CHUNK = 64 * PAGE;
  private static final byte[] ZEROS = new byte[PAGE];

  private final GuestMemory memory;
  private final ProcessCore.Target out;
  private final byte[] chunk = new byte[CHUNK];
  private long written;
  private @Nullable ByteBuffer last;

  PieceWriter(GuestMemory memory, ProcessCore.Target out) {
    this.memory = memory;
    this.out = out;
  }

  void write(Piece piece, long at) throws IOException {
    for (long done = 0; done < piece.bytes(); done += CHUNK) {
      int part = (int) Math.min(CHUNK, piece.bytes() - done);
      memory.readPhysical(piece.physical() + done, ByteBuffer.wrap(chunk, 0, part));
      int from = 0;
      for (int page = 0; page <= part; page += PAGE) {
        boolean data = page < part && !Arrays.equals(chunk, page, page + PAGE, ZEROS, 0, PAGE);
        if (!data) {
          if (from < page) {
            out.write(ByteBuffer.wrap(chunk, from, page - from), at + done + from);
            written = at + done + page;
          }
          from = page + PAGE;
        }
      }
    }
  }

  /** What ends the file. */
  void keep(ByteBuffer tail) {
    last = tail;
  }

  /** Gives the file its length. */
  void finish(long size) throws IOException {
    if (last != null) {
      out.write(last, size - last.remaining());
    } else if (written < size) {
      out.write(ByteBuffer.allocate(1), size - 1);
    }
  }
}
