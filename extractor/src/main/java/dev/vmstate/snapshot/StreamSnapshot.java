package dev.vmstate.snapshot;

import dev.vmstate.bytes.ByteSource;
import dev.vmstate.bytes.FormatException;
import dev.vmstate.bytes.Progress;
import dev.vmstate.bytes.Span;
import dev.vmstate.compress.ForwardSource;
import dev.vmstate.container.Container;
import dev.vmstate.container.Containers;
import dev.vmstate.container.PlainContainer;
import dev.vmstate.container.SnapshotName;
import dev.vmstate.cpu.X86Cpu;
import dev.vmstate.cpu.X86Sections;
import dev.vmstate.device.DeviceSection;
import dev.vmstate.device.VmDescription;
import dev.vmstate.memory.MemoryMap;
import dev.vmstate.memory.MemorySplit;
import dev.vmstate.memory.RamBlock;
import dev.vmstate.memory.X86MemoryMap;
import dev.vmstate.ram.MappedPages;
import dev.vmstate.ram.PageVisitor;
import dev.vmstate.ram.RamIndex;
import dev.vmstate.ram.RamPages;
import dev.vmstate.ram.StreamMemory;
import dev.vmstate.schema.SectionSchema;
import dev.vmstate.stream.RamSetup;
import dev.vmstate.stream.StreamHeader;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
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
public final class StreamSnapshot extends EditableSnapshot {
  /** What a plain file that holds a mapped-ram stream is called. */
  private static final String MAPPED_RAM = "qemu-mapped-ram";

  private static final String PC = "(pc|isapc|microvm|nitro|xenfv|xenpv).*";

  /** Page records that are read without being asked: with x-ignore-shared there are few. */
  private static final long LITTLE = 64 << 20;

  private final Container container;
  private final ByteSource stream;
  private final StreamHead head;
  private final RamSetup ram;
  private final KeptBlock kept;
  private Optional<VmdescRecord> vmdesc;
  private OptionalLong below4g = OptionalLong.empty();
  private @Nullable SectionSchema schema;
  private @Nullable StreamLayout layout;
  private @Nullable RamPages pages;
  private @Nullable List<X86Cpu> cpus;
  private @Nullable MemoryMap map;

  private StreamSnapshot(Container container) throws IOException {
    this.container = container;
    this.stream = container.stream();
    this.vmdesc = container.reused() ? Optional.empty() : VmdescRecord.fromEnd(stream);
    this.head = StreamHead.decode(stream, container.streamAt(), vmdesc);
    this.ram = head.ram();
    this.kept = new KeptBlock(ram.blocks());
    if (ram.isMapped() && vmdesc.isEmpty()) {
      this.vmdesc = VmdescRecord.fromEnd(stream); // it may have been spilled meanwhile
    }
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
  public String container() {
    return ram.isMapped() && container instanceof PlainContainer ? MAPPED_RAM : container.name();
  }

  @Override
  public Container holder() {
    return container;
  }

  @Override
  public String vmm() {
    return "qemu";
  }

  @Override
  public String machine() {
    return header().machine();
  }

  @Override
  public int pageSize() {
    return header().pageSize();
  }

  /** Magic, version, configuration. */
  public StreamHeader header() {
    return head.header();
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

  /**
   * Gives what the stream's own description leaves out; before anything is asked of the devices.
   */
  public void schema(SectionSchema other) {
    schema = other;
  }

  private StreamLayout described(StreamLayout found) throws IOException {
    return schema == null ? found : new SchemaDecoding(schema).apply(found);
  }

  /** Where everything stands; reads RAM only when both ends do not tell. */
  public StreamLayout layout() throws IOException {
    if (layout != null) {
      return layout;
    }
    if (vmdesc.isPresent()) {
      Optional<StreamLayout> found = TailFirst.layout(stream, head, vmdesc.get());
      if (found.isPresent()) {
        layout = described(found.get());
        return layout;
      }
    }
    read(NOTHING, Progress.NONE);
    return Objects.requireNonNull(layout);
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
    if (cpus == null) {
      cpus = List.copyOf(X86Sections.cpus(devices()));
    }
    return cpus;
  }

  /** All bytes of a block: needs the index, since a page may stand anywhere. */
  private byte[] contents(int block) throws IOException {
    Optional<byte[]> passed = kept.of(block);
    if (passed.isPresent()) {
      return passed.get();
    }
    byte[] bytes = new byte[Math.toIntExact(blocks().get(block).bytes())];
    MemoryMap none = new MemoryMap(blocks(), List.of(), List.of());
    new StreamMemory(pages(), none).readBlock(block, 0, ByteBuffer.wrap(bytes));
    return bytes;
  }

  /** Whether the machine's name, where the stream says one, is not that of a PC. */
  public boolean isOtherMachine() {
    return !machine().isEmpty() && !machine().matches(PC);
  }

  /** By the machine's name, or, where the stream does not say one, by its CPUs. */
  private boolean isPc() throws IOException {
    return machine().matches(PC) || !cpus().isEmpty();
  }

  /** Where each RAM block stands in guest-physical memory. */
  @Override
  public MemoryMap memoryMap() throws IOException {
    if (map != null) {
      return map;
    }
    MemoryMap noted =
        decide(
            below4g.isEmpty()
                ? Optional.empty()
                : Optional.of(MemorySplit.Asked.byUser(below4g.getAsLong())));
    map = noted;
    return noted;
  }

  private MemoryMap decide(Optional<MemorySplit.Asked> asked) throws IOException {
    MemoryMap decided =
        isPc()
            ? X86MemoryMap.of(machine(), blocks(), devices(), asked, this::contents)
            : new MemoryMap(
                blocks(),
                List.of(),
                List.of(
                    "'%s' is no x86 machine: where its RAM blocks stand is not known here"
                        .formatted(machine())));
    return decided.because(missingMemory());
  }

  @Override
  public Optional<MemoryMap> memoryMap(MemorySplit.Asked asked) throws IOException {
    return isPc() ? Optional.of(decide(Optional.of(asked))) : Optional.empty();
  }

  @Override
  public void decided(MemoryMap better) {
    map = better;
  }

  /**
   * The head with its list of RAM blocks, every device section, and all that follows RAM to the end
   * of the stream. Sections before RAM count when vmdesc has them: a layout found from both ends
   * knows no others, and the answer is the same for either.
   */
  @Override
  public List<Span> state() throws IOException {
    long start = layout().ramAppendAt();
    List<Span> spans = new ArrayList<>();
    spans.add(new Span(0, ram.span().offset()));
    spans.addAll(ram.list());
    for (DeviceSection device : devices()) {
      if (device.record().end() <= start && described(device)) {
        spans.add(device.record());
      }
    }
    spans.add(new Span(start, layout().end() - start));
    return spans;
  }

  private boolean described(DeviceSection section) throws IOException {
    return description().stream()
        .flatMap(description -> description.devices().stream())
        .anyMatch(d -> d.name().equals(section.name()) && d.instance() == section.instance());
  }

  /** Pages of zeros have no bytes in a stream, or only where a mapped-ram file has places. */
  @Override
  public long placeOf(int block, long page) {
    return -1;
  }

  /** Before the word that ends the RAM section, where a record is the last word on its page. */
  @Override
  public long appendAt() throws IOException {
    return layout().ramAppendAt();
  }

  /**
   * Whether the block's bytes are in the snapshot. With x-ignore-shared memory that a file or
   * another process shares is only listed; in a stream of page records, by having none at all.
   */
  @Override
  public boolean holds(int block) throws IOException {
    if (!head.header().has("x-ignore-shared")) {
      return true;
    }
    if (ram.isMapped()) {
      return ram.mapped().get(block).stored();
    }
    RamIndex.Counts counts = index().counts(block);
    return counts.data() + counts.zero() > 0;
  }

  /**
   * What is to be said of memory that is not in the snapshot, for people; empty when all of it is.
   */
  public List<String> missingMemory() throws IOException {
    if (!head.header().has("x-ignore-shared")) {
      return List.of();
    }
    long records = layout().ramAppendAt() - ram.span().end();
    if (!ram.isMapped() && pages == null && (container.forward() || records > LITTLE)) {
      return List.of("x-ignore-shared: memory shared with a file may not be in the snapshot");
    }
    List<String> notes = new ArrayList<>();
    for (int block = 0; block < blocks().size(); block++) {
      if (!holds(block)) {
        notes.add(
            blocks().get(block).name()
                + ": shared memory that is not in the snapshot (x-ignore-shared), only in its own"
                + " file; shown as zeros");
      }
    }
    return notes;
  }

  /**
   * Reads the whole stream once, showing every page record to {@code visitor}, and keeps the index.
   *
   * @param progress told how many bytes of the file are done
   * @return the complete index
   */
  @Override
  public RamIndex scan(PageVisitor visitor, Progress progress) throws IOException {
    read(visitor, progress);
    return pages().index();
  }

  private void read(PageVisitor visitor, Progress progress) throws IOException {
    Optional<ForwardSource> forward = forward();
    if (forward.isPresent()) {
      readForward(forward.get(), visitor, progress);
      return;
    }
    progress.start("reading " + path().getFileName(), stream.size());
    readAll(visitor, progress);
    progress.at(stream.size());
  }

  /**
   * What is left behind the stream is read too: checksums stand there, and a pipe's writer waits.
   */
  private void readForward(ForwardSource forward, PageVisitor visitor, Progress progress)
      throws IOException {
    long total = fileSize();
    progress.start("reading " + path().getFileName(), total);
    readAll(
        PageVisitor.both(kept, visitor),
        new Progress() {
          @Override
          public void start(String what, long total) {}

          @Override
          public void at(long done) {
            progress.at(forward.consumed());
          }
        });
    forward.finish();
    progress.at(total);
  }

  private void readAll(PageVisitor visitor, Progress progress) throws IOException {
    RamPages fresh = new RamPages(stream, ram.blocks());
    try {
      if (ram.isMapped()) {
        MappedPages mapped = new MappedPages(stream, ram);
        mapped.index(fresh.index());
        if (visitor != NOTHING) {
          mapped.show(visitor, progress);
        }
      }
      StreamLayout scanned = new StreamScan(stream, head, vmdesc).scan(fresh, visitor, progress);
      requireOneStream(scanned);
      layout = described(scanned);
    } catch (IOException | RuntimeException e) {
      fresh.close();
      throw e;
    }
    if (pages != null) {
      pages.close();
    }
    pages = fresh;
  }

  private Optional<ForwardSource> forward() {
    return stream.forward() && stream instanceof ForwardSource forward
        ? Optional.of(forward)
        : Optional.empty();
  }

  @Override
  public boolean isPipe() {
    return forward().map(forward -> !forward.again()).orElse(false);
  }

  @Override
  public void scratch(Path directory) {
    forward().ifPresent(forward -> forward.scratch(directory));
  }

  @Override
  public void randomAccess(Progress progress) throws IOException {
    Optional<ForwardSource> forward = forward();
    if (forward.isPresent()) {
      long total = fileSize();
      progress.start("decompressing " + path().getFileName(), total);
      forward.get().spill(progress);
      progress.at(total);
      vmdesc = VmdescRecord.fromEnd(stream);
    }
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
    return pages == null ? scan(NOTHING, progress) : pages.index();
  }

  /** The bytes of each page; scans on first use. */
  @Override
  public RamPages pages() throws IOException {
    if (pages == null) {
      randomAccess(Progress.NONE); // whoever asks wants pages in any order
      read(NOTHING, Progress.NONE);
    }
    return Objects.requireNonNull(pages);
  }

  /** The span of the whole stream in the file. */
  public Span span() throws IOException {
    return new Span(0, layout().end());
  }

  @Override
  public void close() throws IOException {
    try (container) {
      if (pages != null) {
        pages.close();
      }
    }
  }
}
