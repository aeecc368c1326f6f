package dev.vmstate.snapshot;

import dev.vmstate.bytes.ByteSource;
import dev.vmstate.bytes.Cursor;
import dev.vmstate.bytes.FormatException;
import dev.vmstate.bytes.Progress;
import dev.vmstate.bytes.Span;
import dev.vmstate.bytes.WindowedSource;
import dev.vmstate.container.Container;
import dev.vmstate.container.Containers;
import dev.vmstate.container.SnapshotName;
import dev.vmstate.cpu.X86Cpu;
import dev.vmstate.cpu.X86Registers;
import dev.vmstate.device.DeviceSection;
import dev.vmstate.device.VmDescription;
import dev.vmstate.memory.GuestMemory;
import dev.vmstate.memory.MemoryMap;
import dev.vmstate.memory.RamBlock;
import dev.vmstate.memory.X86MemoryMap;
import dev.vmstate.ram.PageVisitor;
import dev.vmstate.ram.RamIndex;
import dev.vmstate.ram.StreamMemory;
import dev.vmstate.stream.RamSetup;
import dev.vmstate.stream.StreamHeader;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import org.jspecify.annotations.Nullable;

/**
 * A snapshot that is a migration stream, in whatever container.
 *
 * <p>What needs no RAM pages ({@link #devices}, {@link #hardware}, {@link #memoryMap}) is found
 * from both ends of the stream; {@link #scan} reads everything, once. A snapshot keeps what it
 * found, so asking twice costs nothing.
 */
public final class StreamSnapshot extends Snapshot {
  private static final int WINDOW = 1 << 16;

  private final Container container;
  private final ByteSource stream;
  private final StreamHeader header;
  private final RamSetup ram;
  private final Optional<VmdescRecord> vmdesc;
  private OptionalLong below4g = OptionalLong.empty();
  private @Nullable StreamLayout layout;
  private @Nullable RamIndex index;
  private @Nullable MemoryMap map;

  private StreamSnapshot(Container container) throws IOException {
    this.container = container;
    this.stream = container.stream();
    ByteSource front = new WindowedSource(stream, WINDOW);
    Cursor in = Cursor.of(front);
    this.header = StreamHeader.decode(in, stream.name());
    this.ram = RamSetup.decode(in, header, stream.name());
    this.vmdesc = VmdescRecord.fromEnd(stream);
  }

  /**
   * Opens a file that holds one stream, and reads its head.
   *
   * @throws FormatException when it is no stream this code reads
   */
  public static StreamSnapshot open(Path path) throws IOException {
    return of(Containers.open(SnapshotName.of(path)));
  }

  /** Reads the head of a stream; the snapshot closes its container. */
  public static StreamSnapshot of(Container container) throws IOException {
    try {
      return new StreamSnapshot(container);
    } catch (IOException | RuntimeException e) {
      container.close();
      throw e;
    }
  }

  @Override
  public SnapshotName source() {
    return container.source();
  }

  @Override
  public long fileSize() {
    return container.fileSize();
  }

  @Override
  public String container() {
    return container.name();
  }

  @Override
  public List<Container.Fact> facts() {
    return container.facts();
  }

  /** What holds the stream. */
  public Container holder() {
    return container;
  }

  /** The migration stream's bytes; offsets of spans count in it. */
  public ByteSource stream() {
    return stream;
  }

  @Override
  public String vmm() {
    return "qemu";
  }

  @Override
  public String machine() {
    return header.machine();
  }

  @Override
  public int pageSize() {
    return header.pageSize();
  }

  /** Magic, version, configuration. */
  public StreamHeader header() {
    return header;
  }

  /** RAM blocks in stream order. */
  @Override
  public List<RamBlock> blocks() {
    return ram.blocks();
  }

  /** The head of the RAM section. */
  public RamSetup ram() {
    return ram;
  }

  /** Overrides where main memory is split below 4 GiB; before {@link #memoryMap} is asked. */
  @Override
  public void below4g(long bytes) {
    below4g = OptionalLong.of(bytes);
    map = null;
  }

  /** Where everything stands; reads RAM only when both ends do not tell. */
  public StreamLayout layout() throws IOException {
    if (layout != null) {
      return layout;
    }
    if (vmdesc.isPresent()) {
      Optional<StreamLayout> found = TailFirst.layout(stream, header, ram, vmdesc.get());
      if (found.isPresent()) {
        layout = found.get();
        return found.get();
      }
    }
    return read(new RamIndex(ram.blocks()), NOTHING, Progress.NONE);
  }

  /** The schema the stream carries, if it does. */
  public Optional<VmDescription> description() throws IOException {
    Optional<Span> json = layout().vmdesc();
    return json.isPresent()
        ? Optional.of(VmdescRecord.parse(stream, json.get()))
        : Optional.empty();
  }

  /** Device sections in stream order. */
  @Override
  public List<DeviceSection> devices() throws IOException {
    return layout().devices();
  }

  /** The x86 CPUs, in order of their index; empty for other architectures. */
  @Override
  public List<X86Cpu> cpus() throws IOException {
    List<X86Cpu> cpus = new ArrayList<>();
    for (DeviceSection device : devices()) {
      X86Registers.of(device).ifPresent(cpus::add);
    }
    cpus.sort(Comparator.comparingInt(X86Cpu::index));
    return cpus;
  }

  /** All bytes of a block: needs the index, since a page may stand anywhere. */
  private byte[] contents(int block) throws IOException {
    byte[] bytes = new byte[Math.toIntExact(blocks().get(block).bytes())];
    MemoryMap none = new MemoryMap(blocks(), List.of(), List.of());
    new StreamMemory(stream, index(), none).readBlock(block, 0, ByteBuffer.wrap(bytes));
    return bytes;
  }

  /** By the machine's name, or, where the stream does not say one, by its CPUs. */
  private boolean isPc() throws IOException {
    String machine = header.machine();
    return machine.matches("(pc|isapc|microvm|nitro|xenfv|xenpv).*") || !cpus().isEmpty();
  }

  /** Where each RAM block stands in guest-physical memory. */
  @Override
  public MemoryMap memoryMap() throws IOException {
    if (map != null) {
      return map;
    }
    MemoryMap decided =
        isPc()
            ? X86MemoryMap.of(header.machine(), blocks(), devices(), below4g, this::contents)
            : new MemoryMap(
                blocks(),
                List.of(),
                List.of(
                    "'%s' is no x86 machine: where its RAM blocks stand is not known here"
                        .formatted(header.machine())));
    map = decided;
    return decided;
  }

  /**
   * Reads the whole stream once, showing every page record to {@code visitor}, and keeps the index.
   *
   * @param progress told how many bytes of the file are done
   * @return the complete index
   */
  @Override
  public RamIndex scan(PageVisitor visitor, Progress progress) throws IOException {
    RamIndex fresh = new RamIndex(ram.blocks());
    read(fresh, visitor, progress);
    return fresh;
  }

  private StreamLayout read(RamIndex fresh, PageVisitor visitor, Progress progress)
      throws IOException {
    progress.start("reading " + path().getFileName(), stream.size());
    StreamLayout scanned =
        new StreamScan(stream, header, ram, vmdesc)
            .scan(PageVisitor.both(fresh, visitor), progress);
    requireOneStream(scanned);
    progress.at(stream.size());
    index = fresh;
    layout = scanned;
    return scanned;
  }

  /** {@code cat a.mig b.mig}: the end tells of b's devices, but the records read are a's. */
  private void requireOneStream(StreamLayout scanned) throws FormatException {
    if (layout != null
        && (layout.ramAppendAt() != scanned.ramAppendAt() || layout.end() != scanned.end())) {
      throw new FormatException(
          stream.name(),
          scanned.end(),
          "the stream ends here, but the file's last device description belongs to another stream"
              + " behind it (two streams in one file?): cut the file here");
    }
  }

  /** Where each page's last value lies; scans on first use, telling {@code progress}. */
  @Override
  public RamIndex index(Progress progress) throws IOException {
    return index == null ? scan(NOTHING, progress) : index;
  }

  /** Guest memory through the index; scans on first use. */
  @Override
  public GuestMemory memory() throws IOException {
    return new StreamMemory(stream, index(), memoryMap());
  }

  /** The span of the whole stream in the file. */
  public Span span() throws IOException {
    return new Span(0, layout().end());
  }

  @Override
  public void close() throws IOException {
    container.close();
  }
}
