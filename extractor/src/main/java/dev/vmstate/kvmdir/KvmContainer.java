package dev.vmstate.kvmdir;

import dev.vmstate.bytes.ByteSource;
import dev.vmstate.container.Container;
import dev.vmstate.container.SnapshotName;
import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * A snapshot directory as one space of bytes, which is what edits are told in.
 *
 * <pre>
 * stream ::= the bytes that state.json's digits stand for, zeros up to a whole page, memory-ranges
 * </pre>
 */
public final class KvmContainer implements Container {
  /** What it is called. */
  public static final String NAME = "vmstate-kvm";

  private static final int PAGE = 4096;

  private final SnapshotName source;
  private final KvmDirectory directory;
  private final ByteSource stream;

  private KvmContainer(SnapshotName source, KvmDirectory directory) {
    this.source = source;
    this.directory = directory;
    this.stream = new Joined(directory.document().bytes(), memoryAt(), directory.memory());
  }

  /** Whether it is a directory: nothing else that holds a snapshot is one. */
  public static boolean isDirectory(SnapshotName source) {
    return !source.isStandardInput() && Files.isDirectory(source.file());
  }

  /** Opens a snapshot directory. */
  public static KvmContainer open(SnapshotName source) throws IOException {
    if (source.inner().isPresent()) {
      throw new IOException(
          "%s: is one snapshot by itself, there is none called '%s' in it"
              .formatted(source.file(), source.inner().get()));
    }
    return new KvmContainer(source, KvmDirectory.open(source.file()));
  }

  /** The directory. */
  public KvmDirectory directory() {
    return directory;
  }

  /** Where in {@link #stream} the first byte of {@code memory-ranges} stands. */
  public long memoryAt() {
    long state = directory.document().bytes().size();
    return (state + PAGE - 1) / PAGE * PAGE;
  }

  @Override
  public String name() {
    return NAME;
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
  public long fileSize() {
    return directory.size();
  }

  @Override
  public List<Fact> facts() {
    MachineConfig config = directory.config();
    List<Fact> facts = new ArrayList<>();
    config
        .payload()
        .ifPresent(p -> facts.add(new Fact("payload", "%s (%s)".formatted(p.file(), p.mode()))));
    facts.add(new Fact("irqchip", config.irqchip() ? "in the kernel" : "none"));
    config.serial().ifPresent(port -> facts.add(new Fact("serial", "port 0x%x".formatted(port))));
    config
        .debugPort()
        .ifPresent(port -> facts.add(new Fact("debug port", "port 0x%x".formatted(port))));
    for (MachineConfig.Mmio range : config.mmio()) {
      facts.add(new Fact("mmio", "0x%x+0x%x".formatted(range.base(), range.size())));
    }
    return facts;
  }

  @Override
  public void close() throws IOException {
    directory.close();
  }

  /** State, zeros, memory. */
  private record Joined(ByteSource state, long memoryAt, ByteSource memory) implements ByteSource {
    /** Errors speak of {@code state.json}: its fields are what has spans for people. */
    @Override
    public String name() {
      return Path.of(state.name()).resolveSibling("").toString();
    }

    @Override
    public long size() {
      return memoryAt + memory.size();
    }

    @Override
    public void read(long offset, ByteBuffer into) throws IOException {
      if (offset < 0 || offset > size() - into.remaining()) {
        throw new EOFException(
            "%s: 0x%x+0x%x is past the end 0x%x"
                .formatted(name(), offset, into.remaining(), size()));
      }
      int limit = into.limit();
      for (long at = offset; into.position() < limit; ) {
        boolean inState = at < state.size();
        long end = inState ? state.size() : at < memoryAt ? memoryAt : size();
        int part = (int) Math.min(end - at, limit - into.position());
        into.limit(into.position() + part);
        if (inState) {
          state.read(at, into);
        } else if (at < memoryAt) {
          into.put(new byte[part]);
        } else {
          memory.read(at - memoryAt, into);
        }
        into.limit(limit);
        at += part;
      }
    }
  }
}
