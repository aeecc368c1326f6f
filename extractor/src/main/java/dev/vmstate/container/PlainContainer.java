package dev.vmstate.container;

import dev.vmstate.bytes.ByteSource;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * A stream and nothing around it, from some offset of a file on ({@code migrate file:F,offset=N}
 * leaves the first N bytes alone), perhaps compressed as a whole ({@code migrate "exec:zstd > F"});
 * other bytes may follow it.
 */
public final class PlainContainer implements Container {
  private final SnapshotName source;
  private final Payload payload;
  private final boolean device;

  PlainContainer(SnapshotName source, Payload payload) throws IOException {
    this.device = !source.isStandardInput() && BlockDevice.is(source.file());
    this.source = source;
    this.payload = payload;
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
    return payload.stream();
  }

  @Override
  public Optional<Payload> payload() {
    return Optional.of(payload);
  }

  @Override
  public long streamAt() {
    return payload.compression().isPresent() ? 0 : payload.at();
  }

  @Override
  public long fileSize() {
    return payload.file().size();
  }

  @Override
  public boolean reused() {
    return device;
  }

  @Override
  public List<Fact> facts() {
    List<Fact> facts = new ArrayList<>();
    if (payload.at() > 0) {
      facts.add(new Fact("offset", "0x" + Long.toHexString(payload.at())));
    }
    payload
        .compression()
        .ifPresent(compression -> facts.add(new Fact("compression", compression.toString())));
    return facts;
  }

  @Override
  public void close() throws IOException {
    payload.close();
  }
}
