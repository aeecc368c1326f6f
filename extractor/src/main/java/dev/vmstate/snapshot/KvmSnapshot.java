package dev.vmstate.snapshot;

import dev.vmstate.bytes.Progress;
import dev.vmstate.bytes.Span;
import dev.vmstate.container.SnapshotName;
import dev.vmstate.cpu.KvmCpus;
import dev.vmstate.cpu.X86Cpu;
import dev.vmstate.device.DeviceSection;
import dev.vmstate.kvmdir.KvmContainer;
import dev.vmstate.kvmdir.KvmDirectory;
import dev.vmstate.memory.MemoryMap;
import dev.vmstate.memory.RamBlock;
import dev.vmstate.ram.PageVisitor;
import dev.vmstate.ram.RamIndex;
import dev.vmstate.ram.RamPages;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A snapshot that the KVM runner left: a directory with {@code config.json}, {@code state.json} and
 * {@code memory-ranges}. Every page has a place of its own, so nothing has to be read to know where
 * one is.
 */
public final class KvmSnapshot extends EditableSnapshot {
  private static final int PAGE = 4096;
  private static final ByteBuffer NO_BYTES = ByteBuffer.allocate(0);

  private final KvmContainer container;
  private final MemoryMap map;
  private @Nullable List<X86Cpu> cpus;
  private @Nullable RamPages pages;
  private boolean scanned;

  private KvmSnapshot(KvmContainer container) {
    this.container = container;
    this.map = container.directory().document().memoryMap();
  }

  /**
   * Opens a snapshot directory.
   *
   * @throws dev.vmstate.bytes.FormatException when it is none, or a damaged one
   */
  public static KvmSnapshot open(Path directory) throws IOException {
    return of(KvmContainer.open(SnapshotName.of(directory)));
  }

  /** What is in a container; the snapshot closes it. */
  public static KvmSnapshot of(KvmContainer container) {
    return new KvmSnapshot(container);
  }

  @Override
  public KvmContainer holder() {
    return container;
  }

  /** The directory. */
  public KvmDirectory directory() {
    return container.directory();
  }

  @Override
  public String container() {
    return container.name();
  }

  @Override
  public String vmm() {
    return "vmstate";
  }

  /** The runner knows one machine. */
  @Override
  public String machine() {
    return KvmContainer.NAME;
  }

  @Override
  public int pageSize() {
    return PAGE;
  }

  @Override
  public List<RamBlock> blocks() {
    return map.blocks();
  }

  /** Changes nothing: the addresses were saved. */
  @Override
  public void below4g(long bytes) {}

  @Override
  public MemoryMap memoryMap() {
    return map;
  }

  @Override
  public List<DeviceSection> devices() {
    return directory().document().sections();
  }

  @Override
  public List<X86Cpu> cpus() throws IOException {
    List<X86Cpu> known = cpus;
    if (known == null) {
      known = List.copyOf(KvmCpus.of(devices()));
      cpus = known;
    }
    return known;
  }

  /** The bytes of {@code state.json}. */
  @Override
  public List<Span> state() {
    return List.of(new Span(0, directory().document().bytes().size()));
  }

  @Override
  public boolean holds(int block) {
    return true;
  }

  @Override
  public long placeOf(int block, long page) {
    long at = container.memoryAt();
    for (int before = 0; before < block; before++) {
      at += blocks().get(before).bytes();
    }
    return at + page * PAGE;
  }

  /** Before a {@link #scan} every page counts as data, since none was looked at. */
  @Override
  public RamPages pages() {
    RamPages known = pages;
    if (known == null) {
      known = new RamPages(stream(), blocks());
      for (int block = 0; block < blocks().size(); block++) {
        long first = placeOf(block, 0);
        for (long page = 0; page < blocks().get(block).pages(); page++) {
          known.index().data(block, page, NO_BYTES, 0, first + page * PAGE);
        }
      }
      pages = known;
    }
    return known;
  }

  @Override
  public RamIndex countedIndex(Progress progress) throws IOException {
    return scanned ? pages().index() : scan(NOTHING, progress);
  }

  /** Reads every page once; the index then knows which of them are zeros. */
  @Override
  public RamIndex scan(PageVisitor visitor, Progress progress) throws IOException {
    progress.start("reading " + path().getFileName(), stream().size());
    RamPages fresh = new RamPages(stream(), blocks());
    directory()
        .showPages(
            blocks(), container.memoryAt(), PageVisitor.both(fresh.index(), visitor), progress);
    progress.at(stream().size());
    pages = fresh;
    scanned = true;
    return fresh.index();
  }

  @Override
  public void close() throws IOException {
    container.close();
  }
}
