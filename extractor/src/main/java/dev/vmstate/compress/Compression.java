package dev.vmstate.compress;

import com.github.luben.zstd.ZstdOutputStreamNoFinalizer;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.util.Locale;
import java.util.Optional;
import java.util.zip.GZIPOutputStream;
import net.jpountz.lz4.LZ4FrameOutputStream;
import org.apache.commons.compress.compressors.bzip2.BZip2CompressorOutputStream;
import org.tukaani.xz.LZMA2Options;
import org.tukaani.xz.XZOutputStream;

/**
 * What a snapshot may be compressed with: the programs people put behind {@code migrate "exec:…"},
 * and those libvirt runs ({@code save_image_format} in qemu.conf).
 *
 * <p>The levels are those of the programs without options, and libvirt's {@code xz -3}.
 */
public enum Compression {
  /** RFC 1952. */
  GZIP {
    @Override
    boolean startsWith(byte[] front) {
      return begins(front, 0x1f, 0x8b);
    }

    @Override
    Member open(CompressedInput in) throws IOException {
      return new GzipMember(in);
    }

    @Override
    public OutputStream compress(OutputStream out) throws IOException {
      return new GZIPOutputStream(out, BUFFER);
    }
  },

  /** {@code BZh1} to {@code BZh9}. */
  BZIP2 {
    @Override
    boolean startsWith(byte[] front) {
      return begins(front, 'B', 'Z', 'h') && front.length > 3 && front[3] > '0' && front[3] <= '9';
    }

    @Override
    Member open(CompressedInput in) throws IOException {
      return LibraryMembers.bzip2(in);
    }

    @Override
    public OutputStream compress(OutputStream out) throws IOException {
      return new BZip2CompressorOutputStream(out);
    }
  },

  /** The .xz format; the older .lzma has no magic and is not read. */
  XZ {
    @Override
    boolean startsWith(byte[] front) {
      return begins(front, 0xfd, '7', 'z', 'X', 'Z', 0);
    }

    @Override
    Member open(CompressedInput in) throws IOException {
      return LibraryMembers.xz(in);
    }

    @Override
    public OutputStream compress(OutputStream out) throws IOException {
      return new XZOutputStream(out, new LZMA2Options(LIBVIRT_XZ_LEVEL));
    }
  },

  /** lzop's container, blocks of LZO1X. */
  LZOP {
    @Override
    boolean startsWith(byte[] front) {
      return begins(front, LzopHeader.MAGIC);
    }

    @Override
    Member open(CompressedInput in) throws IOException {
      return new LzopMember(in);
    }

    @Override
    public OutputStream compress(OutputStream out) throws IOException {
      return new LzopOutputStream(out);
    }
  },

  /** RFC 8878. A skippable frame, with which pzstd begins, counts as zstd and not as LZ4. */
  ZSTD {
    @Override
    boolean startsWith(byte[] front) {
      return begins(front, 0x28, 0xb5, 0x2f, 0xfd)
          || front.length > 0 && begins(front, 0x50 | front[0] & 0xf, 0x2a, 0x4d, 0x18);
    }

    @Override
    Member open(CompressedInput in) {
      return new ZstdMember(in);
    }

    @Override
    public OutputStream compress(OutputStream out) throws IOException {
      return new ZstdOutputStreamNoFinalizer(out, ZSTD_LEVEL).setChecksum(true);
    }
  },

  /** LZ4 frames; neither the legacy format of {@code lz4 -l} nor frames with a dictionary. */
  LZ4 {
    @Override
    boolean startsWith(byte[] front) {
      return begins(front, 0x04, 0x22, 0x4d, 0x18);
    }

    @Override
    Member open(CompressedInput in) throws IOException {
      return new Lz4Member(in);
    }

    @Override
    public OutputStream compress(OutputStream out) throws IOException {
      return new LZ4FrameOutputStream(
          out,
          LZ4FrameOutputStream.BLOCKSIZE.SIZE_4MB,
          LZ4FrameOutputStream.FLG.Bits.BLOCK_INDEPENDENCE,
          LZ4FrameOutputStream.FLG.Bits.CONTENT_CHECKSUM);
    }
  };

  /** First bytes that tell the formats apart. */
  public static final int MAGIC_BYTES = 9;

  private static final int BUFFER = 1 << 16;
  private static final int LIBVIRT_XZ_LEVEL = 3;
  private static final int ZSTD_LEVEL = 3;

  /** Whether a member of this format begins so. */
  abstract boolean startsWith(byte[] front);

  /** Reads the header of a member that starts as it should. */
  abstract Member open(CompressedInput in) throws IOException;

  /** Compresses into one member; closing it finishes the member and closes {@code out}. */
  public abstract OutputStream compress(OutputStream out) throws IOException;

  private static boolean begins(byte[] front, int... magic) {
    for (int i = 0; i < magic.length; i++) {
      if (i == front.length || (front[i] & 0xff) != magic[i]) {
        return false;
      }
    }
    return true;
  }

  /**
   * What a file is compressed with.
   *
   * @param front its first {@link #MAGIC_BYTES} bytes, fewer if it is shorter
   */
  public static Optional<Compression> detect(byte[] front) {
    for (Compression compression : values()) {
      if (compression.startsWith(front)) {
        return Optional.of(compression);
      }
    }
    return Optional.empty();
  }

  /** What the program is called: {@code gzip}. */
  @Override
  public String toString() {
    return name().toLowerCase(Locale.ROOT);
  }

  /**
   * Decompresses all members (frames, streams) up to the end. Zeros behind a member are passed
   * over; other bytes there end the data, as gzip and bzip2 have it: a volume may hold what was in
   * it before.
   *
   * @param name of the compressed data in errors
   * @param in compressed; closed with the result
   * @param at offset of {@code in}'s first byte, for errors
   */
  public Decompressor decompress(String name, InputStream in, long at) {
    return new Decompressor(name, this, in, at);
  }
}
