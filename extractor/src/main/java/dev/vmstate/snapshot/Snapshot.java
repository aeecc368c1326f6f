package dev.vmstate.snapshot;

import dev.vmstate.bytes.ByteSource;
import dev.vmstate.bytes.Cursor;
import dev.vmstate.bytes.FormatException;
import dev.vmstate.bytes.Progress;
import dev.vmstate.bytes.Span;
import dev.vmstate.bytes.UnsupportedFormatException;
import dev.vmstate.bytes.WindowedSource;
import dev.vmstate.cpu.X86Cpu;
import dev.vmstate.cpu.X86Registers;
import dev.vmstate.device.DeviceSection;
import dev.vmstate.device.VmDescription;
import dev.vmstate.hardware.HardwareState;
import dev.vmstate.memory.MemoryMap;
import dev.vmstate.memory.RamBlock;
import dev.vmstate.memory.X86MemoryMap;
import dev.vmstate.nic.Nics;
import dev.vmstate.ram.PageVisitor;
import dev.vmstate.ram.RamIndex;
import dev.vmstate.ram.StreamMemory;
import dev.vmstate.stream.RamSetup;
import dev.vmstate.stream.StreamHeader;
import java.io.Closeable;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import org.jspecify.annotations.Nullable;

/**
 * A snapshot file, opened read-only.
 *
 * <p>What needs no RAM pages ({@link #devices}, {@link #hardware}, {@link #memoryMap}) is found
 * from both ends of the stream; {@link #scan} reads everything, once. A snapshot keeps what it
 * found, so asking twice costs nothing.
 */
public final class Snapshot implements Closeable {
  private static final int WINDOW = 1 << 16;
  private static final String QEMU_STREAM = "qemu-stream";

  private final Path path;
  private final FileSource file;
  private final StreamHeader header;
  private final RamSetup ram;
  private final Optional<VmdescRecord> vmdesc;
  private OptionalLong below4g = OptionalLong.empty();
  private @Nullable StreamLayout layout;
  private @Nullable RamIndex index;
  private @Nullable MemoryMap map;

  private Snapshot(Path path, FileSource file) throws IOException {
    this.path = path;
    this.file = file;
    ByteSource front = new WindowedSource(file, WINDOW);
    Cursor in = Cursor.of(front);
    Optional<String> other =
        KnownFiles.name(file.read(new Span(0, Math.min(KnownFiles.LONGEST, file.size()))));
    if (other.isPresent()) {
      throw new UnsupportedFormatException(
          file.name(),
          0,
          other.get() + ": a migration stream (QEMU's 'migrate exec:cat>FILE') was expected");
    }
    this.header = StreamHeader.decode(in, file.name());
    this.ram = RamSetup.decode(in, header, file.name());
    this.vmdesc = VmdescRecord.fromEnd(file);
  }

  /**
   * Opens a file and reads its head.
   *
   * @throws FormatException when it is no snapshot this code reads
   */
  public static Snapshot open(Path path) throws IOException {
    if (!Files.exists(path)) {
      throw new NoSuchFileException(path.toString(), null, "there is no such file");
    }
    if (!Files.isRegularFile(path)) {
      throw new IOException(path + ": not a regular file");
    }
    FileSource file = new FileSource(path);
    try {
      return new Snapshot(path, file);
    } catch (IOException | RuntimeException e) {
      file.close();
      throw e;
    }
  }

  /** The file. */
  public Path path() {
    return path;
  }

  /** The migration stream's bytes; offsets of spans count in it. */
  public ByteSource stream() {
    return file;
  }

  /** The open file, for copies inside the kernel. */
  public FileSource file() {
    return file;
  }

  /** The container's stable name. */
  public String container() {
    return QEMU_STREAM;
  }

  /** Magic, version, configuration. */
  public StreamHeader header() {
    return header;
  }

  /** RAM blocks in stream order. */
  public List<RamBlock> blocks() {
    return ram.blocks();
  }

  /** The head of the RAM section. */
  public RamSetup ram() {
    return ram;
  }

  /** Overrides where main memory is split below 4 GiB; before {@link #memoryMap} is asked. */
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
      Optional<StreamLayout> found = TailFirst.layout(file, header, ram, vmdesc.get());
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
    return json.isPresent() ? Optional.of(VmdescRecord.parse(file, json.get())) : Optional.empty();
  }

  /** Device sections in stream order. */
  public List<DeviceSection> devices() throws IOException {
    return layout().devices();
  }

  /** The x86 CPUs, in order of their index; empty for other architectures. */
  public List<X86Cpu> cpus() throws IOException {
    List<X86Cpu> cpus = new ArrayList<>();
    for (DeviceSection device : devices()) {
      X86Registers.of(device).ifPresent(cpus::add);
    }
    cpus.sort(Comparator.comparingInt(X86Cpu::index));
    return cpus;
  }

  /** {@code x86_64}, {@code i386}, or {@code unknown}. */
  public String arch() throws IOException {
    List<X86Cpu> cpus = cpus();
    if (cpus.isEmpty()) {
      return "unknown";
    }
    return cpus.get(0).find("r8").isPresent() ? "x86_64" : "i386";
  }

  /** Everything hardware.xml shows. */
  public HardwareState hardware() throws IOException {
    return new HardwareState(
        "qemu", header.machine(), arch(), blocks(), cpus(), Nics.of(devices()), devices());
  }

  /** All bytes of a block: needs the index, since a page may stand anywhere. */
  private byte[] contents(int block) throws IOException {
    byte[] bytes = new byte[Math.toIntExact(blocks().get(block).bytes())];
    MemoryMap none = new MemoryMap(blocks(), List.of(), List.of());
    new StreamMemory(file, index(), none).readBlock(block, 0, ByteBuffer.wrap(bytes));
    return bytes;
  }

  /** By the machine's name, or, where the stream does not say one, by its CPUs. */
  private boolean isPc() throws IOException {
    String machine = header.machine();
    return machine.matches("(pc|isapc|microvm|nitro|xenfv|xenpv).*") || !cpus().isEmpty();
  }

  /** Where each RAM block stands in guest-physical memory. */
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
  public RamIndex scan(PageVisitor visitor, Progress progress) throws IOException {
    RamIndex fresh = new RamIndex(ram.blocks());
    read(fresh, visitor, progress);
    return fresh;
  }

  private StreamLayout read(RamIndex fresh, PageVisitor visitor, Progress progress)
      throws IOException {
    progress.start("reading " + path.getFileName(), file.size());
    StreamLayout scanned =
        new StreamScan(file, header, ram, vmdesc).scan(PageVisitor.both(fresh, visitor), progress);
    requireOneStream(scanned);
    progress.at(file.size());
    index = fresh;
    layout = scanned;
    return scanned;
  }

  /** {@code cat a.mig b.mig}: the end tells of b's devices, but the records read are a's. */
  private void requireOneStream(StreamLayout scanned) throws FormatException {
    if (layout != null
        && (layout.ramAppendAt() != scanned.ramAppendAt() || layout.end() != scanned.end())) {
      throw new FormatException(
          file.name(),
          scanned.end(),
          "the stream ends here, but the file's last device description belongs to another stream"
              + " behind it (two streams in one file?): cut the file here");
    }
  }

  /** Reads the whole stream once, telling nobody how far it is. */
  public RamIndex scan(PageVisitor visitor) throws IOException {
    return scan(visitor, Progress.NONE);
  }

  /** Where each page's last value lies; scans on first use. */
  public RamIndex index() throws IOException {
    return index(Progress.NONE);
  }

  /** Where each page's last value lies; scans on first use, telling {@code progress}. */
  public RamIndex index(Progress progress) throws IOException {
    return index == null ? scan(NOTHING, progress) : index;
  }

  /** Guest memory through the index; scans on first use. */
  public StreamMemory memory() throws IOException {
    return new StreamMemory(file, index(), memoryMap());
  }

  /** The span of the whole stream in the file. */
  public Span span() throws IOException {
    return new Span(0, layout().end());
  }

  @Override
  public void close() throws IOException {
    file.close();
  }

  private static final PageVisitor NOTHING =
      new PageVisitor() {
        @Override
        public void data(int block, long page, ByteBuffer bytes, int at, long offset) {}

        @Override
        public void fill(int block, long page, int value) {}
      };
}
