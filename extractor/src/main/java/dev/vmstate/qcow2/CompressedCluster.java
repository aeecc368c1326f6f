package dev.vmstate.qcow2;

import com.github.luben.zstd.ZstdInputStreamNoFinalizer;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.util.zip.DataFormatException;
import java.util.zip.Inflater;

/**
 * Takes a compressed cluster apart. Its sectors hold more than the compressed data: decompression
 * ends when the cluster is full. zlib's data are raw deflate with a window of 4 KiB, zstd's are one
 * frame.
 */
final class CompressedCluster {
  /** A window of 16 MiB; a frame that asks for more was not made of one cluster. */
  private static final int MOST_WINDOW_LOG = 24;

  private CompressedCluster() {}

  /**
   * Fills {@code cluster}.
   *
   * @return an empty string, or what is wrong with the data
   */
  static String decompress(int compressionType, byte[] data, byte[] cluster) {
    return compressionType == 0 ? inflate(data, cluster) : zstd(data, cluster);
  }

  private static String inflate(byte[] data, byte[] cluster) {
    Inflater inflater = new Inflater(true);
    try {
      inflater.setInput(data);
      int filled = 0;
      while (filled < cluster.length) {
        int got = inflater.inflate(cluster, filled, cluster.length - filled);
        if (got == 0) {
          return "ends after %d of %d bytes".formatted(filled, cluster.length);
        }
        filled += got;
      }
      return "";
    } catch (DataFormatException e) {
      return "is no raw deflate stream (%s)".formatted(e.getMessage());
    } finally {
      inflater.end();
    }
  }

  private static String zstd(byte[] data, byte[] cluster) {
    try (ZstdInputStreamNoFinalizer in =
        new ZstdInputStreamNoFinalizer(new ByteArrayInputStream(data))) {
      in.setLongMax(MOST_WINDOW_LOG);
      int filled = in.readNBytes(cluster, 0, cluster.length);
      return filled == cluster.length
          ? ""
          : "ends after %d of %d bytes".formatted(filled, cluster.length);
    } catch (IOException e) {
      return "is no zstd frame (%s)".formatted(e.getMessage());
    }
  }
}
