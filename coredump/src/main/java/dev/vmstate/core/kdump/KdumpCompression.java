package dev.vmstate.core.kdump;

import com.github.luben.zstd.ZstdCompressCtx;
import dev.vmstate.kdump.PageFlags;
import java.util.zip.Deflater;

/** How pages are packed. */
public enum KdumpCompression {
  /** zlib streams (RFC 1950); every crash reads them. */
  ZLIB(PageFlags.DUMP_DH_COMPRESSED_ZLIB),
  /** zstd frames; crash 8.0 and makedumpfile 1.7.0 and later. */
  ZSTD(PageFlags.DUMP_DH_COMPRESSED_ZSTD);

  private static final int ZSTD_LEVEL = 1;

  private final int flag;

  KdumpCompression(int flag) {
    this.flag = flag;
  }

  /** In the header's status and in each page's flags. */
  int flag() {
    return flag;
  }

  /** Packs pages one by one; one thread each. */
  interface Packer extends AutoCloseable {
    /** Packs {@code page}; the length, or -1 when it does not fit {@code into}. */
    int pack(byte[] page, int from, int length, byte[] into);

    @Override
    void close();
  }

  /** Room for a page whatever is in it. */
  static int room(int pageSize) {
    return pageSize + pageSize / 8 + 64;
  }

  Packer packer() {
    return this == ZLIB ? new Zlib() : new ZstdFrames();
  }

  private static final class Zlib implements Packer {
    private final Deflater deflater = new Deflater(Deflater.BEST_SPEED);

    @Override
    public int pack(byte[] page, int from, int length, byte[] into) {
      deflater.reset();
      deflater.setInput(page, from, length);
      deflater.finish();
      int packed = deflater.deflate(into);
      return deflater.finished() ? packed : -1;
    }

    @Override
    public void close() {
      deflater.end();
    }
  }

  private static final class ZstdFrames implements Packer {
    private final ZstdCompressCtx context = new ZstdCompressCtx().setLevel(ZSTD_LEVEL);

    @Override
    public int pack(byte[] page, int from, int length, byte[] into) {
      return context.compressByteArray(into, 0, into.length, page, from, length);
    }

    @Override
    public void close() {
      context.close();
    }
  }
}
