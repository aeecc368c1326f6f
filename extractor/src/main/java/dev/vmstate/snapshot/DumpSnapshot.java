package dev.vmstate.snapshot;

import dev.vmstate.bytes.Progress;
import dev.vmstate.bytes.Span;
import dev.vmstate.container.Container;
import dev.vmstate.container.FileSource;
import dev.vmstate.container.SnapshotName;
import dev.vmstate.cpu.X86Cpu;
import dev.vmstate.device.DeviceSection;
import dev.vmstate.dump.Dump;
import dev.vmstate.memory.GuestMemory;
import dev.vmstate.memory.MemoryMap;
import dev.vmstate.memory.RamBlock;
import dev.vmstate.ram.PageVisitor;
import dev.vmstate.ram.RamIndex;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * A dump: RAM and the registers of the CPUs. Nothing can resume it and no edit has a place in it,
 * but everything that looks at a machine's memory works.
 */
public final class DumpSnapshot extends Snapshot {
  /** Bytes that tell a dump by. */
  private static final int FRONT = 12;

  private final SnapshotName source;
  private final FileSource file;
  private final Dump dump;
  private @Nullable RamIndex index;

  private DumpSnapshot(SnapshotName source, FileSource file, Dump dump) {
    this.source = source;
    this.file = file;
    this.dump = dump;
  }

  /** Whether it starts like a dump. */
  static boolean isDump(SnapshotName source) throws IOException {
    if (source.isStandardInput() || !Files.isRegularFile(source.file())) {
      return false;
    }
    try (FileSource file = new FileSource(source.file())) {
      return Dump.startsWith(file.read(new Span(0, Math.min(FRONT, file.size()))));
    }
  }

  /**
   * Opens a dump and reads its head.
   *
   * @throws dev.vmstate.bytes.FormatException when it is none, or a damaged one
   */
  public static DumpSnapshot open(SnapshotName source) throws IOException {
    if (source.inner().isPresent()) {
      throw new IOException(
          "%s: is one snapshot by itself, there is none called '%s' in it"
              .formatted(source.file(), source.inner().get()));
    }
    FileSource file = new FileSource(source.file());
    try {
      return new DumpSnapshot(source, file, Dump.open(file));
    } catch (IOException | RuntimeException e) {
      file.close();
      throw e;
    }
  }

  @Override
  public SnapshotName source() {
    return source;
  }

  @Override
  public long fileSize() {
    return file.size();
  }

  @Override
  public String container() {
    return dump.container();
  }

  @Override
  public List<Container.Fact> facts() {
    return dump.facts();
  }

  @Override
  public String vmm() {
    return dump.vmm();
  }

  /** A dump does not say. */
  @Override
  public String machine() {
    return "";
  }

  @Override
  public String arch() {
    return dump.arch();
  }

  @Override
  public int pageSize() {
    return dump.pageSize();
  }

  @Override
  public List<RamBlock> blocks() {
    return memoryMap().blocks();
  }

  /** Changes nothing: a dump says where its memory stands. */
  @Override
  public void below4g(long bytes) {}

  @Override
  public MemoryMap memoryMap() {
    return dump.memory().map();
  }

  @Override
  public List<DeviceSection> devices() {
    return List.of();
  }

  @Override
  public Optional<String> noDevices() {
    return Optional.of("a dump holds RAM and the CPUs' registers, no device state");
  }

  @Override
  public List<X86Cpu> cpus() {
    return dump.cpus();
  }

  /** What the index has for a page's place is the page's offset in its block. */
  @Override
  public RamIndex scan(PageVisitor visitor, Progress progress) throws IOException {
    RamIndex fresh = new RamIndex(blocks());
    dump.memory()
        .scan(
            new PageVisitor() {
              @Override
              public void data(int block, long page, ByteBuffer bytes, int at, long offset)
                  throws IOException {
                fresh.data(block, page, bytes, at, page * pageSize());
                visitor.data(block, page, bytes, at, offset);
              }

              @Override
              public void fill(int block, long page, int value) throws IOException {
                fresh.fill(block, page, value);
                visitor.fill(block, page, value);
              }
            },
            progress);
    index = fresh;
    return fresh;
  }

  @Override
  public RamIndex index(Progress progress) throws IOException {
    return index == null ? scan(NOTHING, progress) : index;
  }

  @Override
  public GuestMemory memory() {
    return dump.memory();
  }

  @Override
  public void close() throws IOException {
    try (file) {
      dump.close();
    }
  }
}
