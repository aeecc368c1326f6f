package dev.vmstate.core.debuginfo;

import com.github.luben.zstd.ZstdIOException;
import com.github.luben.zstd.ZstdInputStream;
import dev.vmstate.bytes.ByteSource;
import dev.vmstate.bytes.FormatException;
import dev.vmstate.bytes.Span;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.zip.InflaterInputStream;
import java.util.zip.ZipException;

/**
 * A section that was compressed (SHF_COMPRESSED): decompressed once, into a file that has no name.
 *
 * <pre>
 * Elf64_Chdr ::= u32 ch_type, u32 ch_reserved, u64 ch_size, u64 ch_addralign
 * Elf32_Chdr ::= u32 ch_type, u32 ch_size, u32 ch_addralign
 * ch_type    ::= 1 zlib | 2 zstd
 * </pre>
 *
 * <p>Source: System V gABI, chapter 4, Section Compression.
 */
final class InflatedSection implements ByteSource {
  private static final int ELFCOMPRESS_ZLIB = 1;
  private static final int ELFCOMPRESS_ZSTD = 2;

  /** Ten times what a kernel has. */
  private static final long MOST_BYTES = 4L << 30;

  private final String name;
  private final FileChannel file;
  private final long size;

  private InflatedSection(String name, FileChannel file, long size) {
    this.name = name;
    this.file = file;
    this.size = size;
  }

  static ByteSource of(ByteSource raw, boolean wide, String section) throws IOException {
    int header = wide ? 24 : 12;
    if (raw.size() < header) {
      throw new FormatException(raw.name(), 0, "no room for the header of a compressed section");
    }
    ByteBuffer chdr = raw.read(new Span(0, header)).order(ByteOrder.LITTLE_ENDIAN);
    int type = chdr.getInt(0);
    long size = wide ? chdr.getLong(8) : chdr.getInt(4) & 0xffff_ffffL;
    if (type != ELFCOMPRESS_ZLIB && type != ELFCOMPRESS_ZSTD) {
      throw new FormatException(
          raw.name(), 0, "ch_type %d, expected 1 (zlib) or 2 (zstd)".formatted(type));
    }
    if (size < 0 || size > MOST_BYTES) {
      throw new FormatException(
          raw.name(), 0, "0x%x bytes decompressed, 0x%x at most".formatted(size, MOST_BYTES));
    }
    Path path = Files.createTempFile(".vmstate-section-", "");
    FileChannel file =
        FileChannel.open(
            path,
            StandardOpenOption.READ,
            StandardOpenOption.WRITE,
            StandardOpenOption.DELETE_ON_CLOSE);
    try (InputStream in = new SourceStream(raw, header);
        InputStream out =
            type == ELFCOMPRESS_ZLIB ? new InflaterInputStream(in) : new ZstdInputStream(in)) {
      fill(raw, out, file, size);
    } catch (ZipException | ZstdIOException | EOFException e) {
      file.close();
      throw new FormatException(raw.name(), 0, "does not decompress: " + e.getMessage());
    } catch (IOException e) {
      file.close();
      throw e;
    }
    return new InflatedSection(raw.name(), file, size);
  }

  private static void fill(ByteSource raw, InputStream in, FileChannel file, long size)
      throws IOException {
    byte[] part = new byte[1 << 16];
    long left = size;
    while (left > 0) {
      int got = in.read(part, 0, (int) Math.min(part.length, left));
      if (got < 0) {
        throw new FormatException(
            raw.name(), 0, "decompresses to 0x%x bytes, not 0x%x".formatted(size - left, size));
      }
      ByteBuffer bytes = ByteBuffer.wrap(part, 0, got);
      while (bytes.hasRemaining()) {
        file.write(bytes);
      }
      left -= got;
    }
  }

  @Override
  public String name() {
    return name;
  }

  @Override
  public long size() {
    return size;
  }

  @Override
  public void read(long offset, ByteBuffer into) throws IOException {
    long at = offset;
    while (into.hasRemaining()) {
      int got = file.read(into, at);
      if (got < 0) {
        throw new EOFException("%s: past the end 0x%x".formatted(name, size));
      }
      at += got;
    }
  }

  /** From front to back. */
  private static final class SourceStream extends InputStream {
    private final ByteSource source;
    private long at;

    SourceStream(ByteSource source, long at) {
      this.source = source;
      this.at = at;
    }

    @Override
    public int read() throws IOException {
      byte[] one = new byte[1];
      return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
    }

    @Override
    public int read(byte[] into, int from, int most) throws IOException {
      int part = (int) Math.min(most, source.size() - at);
      if (part <= 0) {
        return most == 0 ? 0 : -1;
      }
      source.read(at, ByteBuffer.wrap(into, from, part));
      at += part;
      return part;
    }
  }
}
