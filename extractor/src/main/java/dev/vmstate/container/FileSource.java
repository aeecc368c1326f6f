package dev.vmstate.container;

import dev.vmstate.bytes.OpenSource;
import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/** A regular file, opened read-only. */
public final class FileSource implements OpenSource {
  private final String name;
  private final FileChannel channel;
  private final long size;

  /** Opens {@code file}; its size is taken now. */
  public FileSource(Path file) throws IOException {
    this.name = file.toString();
    this.channel = FileChannel.open(file, StandardOpenOption.READ);
    this.size = channel.size();
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
    while (into.hasRemaining()) {
      int got = channel.read(into, offset);
      if (got < 0) {
        throw new EOFException(
            "%s: the file ends at 0x%x; it was 0x%x bytes long when it was opened"
                .formatted(name, offset, size));
      }
      offset += got;
    }
  }

  /** The open file, for copies inside the kernel. */
  public FileChannel channel() {
    return channel;
  }

  @Override
  public void close() throws IOException {
    channel.close();
  }
}
