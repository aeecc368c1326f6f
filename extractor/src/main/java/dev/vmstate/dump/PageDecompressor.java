package dev.vmstate.dump;

import com.github.luben.zstd.ZstdDecompressCtx;
import dev.vmstate.kdump.PageFlags;
import io.airlift.compress.lzo.LzoDecompressor;
import io.airlift.compress.snappy.SnappyDecompressor;
import java.io.Closeable;
import java.io.IOException;
import java.util.zip.DataFormatException;
import java.util.zip.Inflater;

/** Unpacks single pages, each compressed by itself. Not thread-safe. */
final class PageDecompressor implements Closeable {
  private final Inflater inflater = new Inflater();
  private final LzoDecompressor lzo = new LzoDecompressor();
  private final SnappyDecompressor snappy = new SnappyDecompressor();
  private final ZstdDecompressCtx zstd = new ZstdDecompressCtx();

  /**
   * Fills {@code page} from the first {@code length} bytes of {@code packed}.
   *
   * @param flag one of {@link PageFlags#COMPRESSED}
   * @throws IOException when they are damaged, or are not exactly a page
   */
  void unpack(int flag, byte[] packed, int length, byte[] page) throws IOException {
    int got;
    try {
      got =
          switch (flag) {
            case PageFlags.DUMP_DH_COMPRESSED_ZLIB -> inflate(packed, length, page);
            case PageFlags.DUMP_DH_COMPRESSED_LZO ->
                lzo.decompress(packed, 0, length, page, 0, page.length);
            case PageFlags.DUMP_DH_COMPRESSED_SNAPPY ->
                snappy.decompress(packed, 0, length, page, 0, page.length);
            case PageFlags.DUMP_DH_COMPRESSED_ZSTD ->
                zstd.decompressByteArray(page, 0, page.length, packed, 0, length);
            default -> throw new IllegalArgumentException("page flags " + flag);
          };
    } catch (DataFormatException | RuntimeException e) { // each library has its own
      throw new IOException(String.valueOf(e.getMessage()), e);
    }
    if (got != page.length) {
      throw new IOException("it unpacks to %d bytes, not %d".formatted(got, page.length));
    }
  }

  /** What a flag is called. */
  static String name(int flag) {
    return switch (flag) {
      case PageFlags.DUMP_DH_COMPRESSED_ZLIB -> "zlib";
      case PageFlags.DUMP_DH_COMPRESSED_LZO -> "lzo";
      case PageFlags.DUMP_DH_COMPRESSED_SNAPPY -> "snappy";
      case PageFlags.DUMP_DH_COMPRESSED_ZSTD -> "zstd";
      default -> "none";
    };
  }

  private int inflate(byte[] packed, int length, byte[] page) throws DataFormatException {
    inflater.reset();
    inflater.setInput(packed, 0, length);
    int got = 0;
    while (got < page.length) {
      int more = inflater.inflate(page, got, page.length - got);
      if (more == 0) {
        return got; // cut short, or it wants a dictionary
      }
      got += more;
    }
    // The checksum behind the last byte is looked at only when more is asked for.
    got += inflater.inflate(new byte[1]);
    if (!inflater.finished()) {
      throw new DataFormatException("its end is missing");
    }
    return got;
  }

  @Override
  public void close() {
    inflater.end();
    zstd.close();
  }
}
