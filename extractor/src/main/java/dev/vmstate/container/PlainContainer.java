package dev.vmstate.container;

import dev.vmstate.bytes.ByteSource;
import java.io.IOException;
import java.util.List;

/**
 * A stream that stands in a file as it is, from some offset on ({@code migrate file:F,offset=N}
 * leaves the first N bytes alone); other bytes may follow it.
 */
public final class PlainContainer implements Container {
  private final SnapshotName source;
  private final FileSource file;
  private final long at;
  private final ByteSource stream;
  private final boolean device;

  PlainContainer(SnapshotName source, FileSource file, long at) throws IOException {
    this.device = BlockDevice.is(source.file());
    this.source = source;
    this.file = file;
    this.at = at;
    this.stream = at == 0 ? file : new SliceSource(file, at, file.size() - at);
  }

  @Override
  public String name() {
    return "qemu-stream";
  }

  @Override
  public SnapshotName source() {
    return source;
  }

  @Override
  public ByteSource stream() {
    return stream;
  }

  @Override
  public long streamAt() {
    return at;
  }

  @Override
  public long fileSize() {
    return file.size();
  }

  @Override
  public boolean reused() {
    return device;
  }

  @Override
  public List<Fact> facts() {
    return at == 0 ? List.of() : List.of(new Fact("offset", "0x" + Long.toHexString(at)));
  }

  @Override
  public void close() throws IOException {
    file.close();
  }
}
