package dev.vmstate.container;

import dev.vmstate.bytes.ByteSource;
import dev.vmstate.bytes.OpenSource;
import dev.vmstate.compress.Compression;
import dev.vmstate.compress.Decompressor;
import dev.vmstate.compress.Feed;
import dev.vmstate.compress.ForwardSource;
import java.io.Closeable;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * The stream in a file: as it is, from some offset on, or compressed from there to the end. The
 * file may be a pipe.
 */
public final class Payload implements Closeable {
  private final OpenSource file;
  private final boolean pipe;
  private final long at;
  private final Optional<Compression> compression;
  private final ByteSource stream;
  private final @Nullable ForwardSource forward;

  /**
   * A payload of {@code file}, which it closes.
   *
   * @param at where it starts
   * @param compression what it is compressed with, if it is
   */
  public Payload(OpenSource file, long at, Optional<Compression> compression) {
    this.file = file;
    this.pipe = file.forward();
    this.at = at;
    this.compression = compression;
    if (compression.isPresent()) {
      this.forward =
          new ForwardSource(
              file.name() + " (decompressed)", new Unpacking(file, at, compression.get()));
      this.stream = forward;
    } else if (at == 0 || !file.forward()) {
      this.forward = file instanceof ForwardSource pipe ? pipe : null;
      this.stream = at == 0 ? file : new SliceSource(file, at, file.size() - at);
    } else {
      this.forward =
          new ForwardSource("%s (from 0x%x on)".formatted(file.name(), at), new Rest(file, at));
      this.stream = forward;
    }
    if (forward != null && file instanceof ForwardSource pipe && pipe != forward) {
      pipe.narrow();
    }
  }

  /** What the first bytes from {@code at} on are compressed with. */
  public static Optional<Compression> detect(ByteSource file, long at) throws IOException {
    ByteBuffer front = ByteBuffer.allocate(Compression.MAGIC_BYTES);
    byte[] bytes = new byte[file.readSome(at, front)];
    front.flip().get(bytes);
    return Compression.detect(bytes);
  }

  /** The stream; offset 0 is its magic. */
  public ByteSource stream() {
    return stream;
  }

  /** The stream, if it is one that comes from front to back; it may have been spilled. */
  public Optional<ForwardSource> forward() {
    return Optional.ofNullable(forward);
  }

  /** Whether it can be read again from the front, as no pipe can. */
  public boolean again() {
    return !pipe;
  }

  /** Where it starts in the file, compressed or not. */
  public long at() {
    return at;
  }

  /** What it is compressed with. */
  public Optional<Compression> compression() {
    return compression;
  }

  /** The file. */
  public ByteSource file() {
    return file;
  }

  @Override
  public void close() throws IOException {
    try (file) {
      if (forward != null) {
        forward.close();
      }
    }
  }

  /** The bytes behind {@code at}; a pipe gives them once. */
  private static class Rest implements Feed {
    private final OpenSource file;
    private final long at;

    Rest(OpenSource file, long at) {
      this.file = file;
      this.at = at;
    }

    @Override
    public InputStream open() throws IOException {
      return new SourceInputStream(file, at);
    }

    @Override
    public boolean again() {
      return !file.forward();
    }

    @Override
    public long consumed() {
      return file instanceof ForwardSource pipe ? pipe.consumed() : 0;
    }

    @Override
    public void finish() throws IOException {
      if (file instanceof ForwardSource pipe) {
        pipe.finish();
      }
    }
  }

  private static final class Unpacking extends Rest {
    private final String name;
    private final long at;
    private final Compression compression;
    private @Nullable Decompressor open;

    Unpacking(OpenSource file, long at, Compression compression) {
      super(file, at);
      this.name = file.name();
      this.at = at;
      this.compression = compression;
    }

    @Override
    public InputStream open() throws IOException {
      Decompressor unpacking = compression.decompress(name, super.open(), at);
      open = unpacking;
      return unpacking;
    }

    @Override
    public long consumed() {
      return open == null ? at : open.position();
    }
  }
}
