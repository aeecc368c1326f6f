package dev.vmstate.snapshot;

import dev.vmstate.bytes.Progress;
import dev.vmstate.container.Container;
import dev.vmstate.container.Containers;
import dev.vmstate.container.SnapshotName;
import dev.vmstate.cpu.X86Cpu;
import dev.vmstate.device.DeviceSection;
import dev.vmstate.hardware.HardwareState;
import dev.vmstate.kvmdir.KvmContainer;
import dev.vmstate.memory.GuestMemory;
import dev.vmstate.memory.MemoryMap;
import dev.vmstate.memory.MemorySplit;
import dev.vmstate.memory.RamBlock;
import dev.vmstate.nic.Nics;
import dev.vmstate.ram.PageVisitor;
import dev.vmstate.ram.RamIndex;
import java.io.Closeable;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/** The saved state of one machine, opened read-only: what every kind of snapshot can tell. */
public abstract class Snapshot implements Closeable {
  /** Looks at nothing. */
  protected static final PageVisitor NOTHING =
      new PageVisitor() {
        @Override
        public void data(int block, long page, ByteBuffer bytes, int at, long offset) {}

        @Override
        public void fill(int block, long page, int value) {}
      };

  Snapshot() {}

  /**
   * Opens what {@code name} names, whatever it is, and reads its head.
   *
   * @throws dev.vmstate.bytes.FormatException when it is no snapshot this code reads
   */
  public static Snapshot open(SnapshotName name) throws IOException {
    if (KvmContainer.isDirectory(name)) {
      return KvmSnapshot.of(KvmContainer.open(name));
    }
    return DumpSnapshot.isDump(name)
        ? DumpSnapshot.open(name)
        : StreamSnapshot.of(Containers.open(name));
  }

  /** What the user called it. */
  public abstract SnapshotName source();

  /** The file. */
  public Path path() {
    return source().file();
  }

  /** Bytes of the file when it was opened. */
  public abstract long fileSize();

  /** The container's stable name. */
  public abstract String container();

  /** What else is to be said of the container. */
  public abstract List<Container.Fact> facts();

  /** Who wrote it: {@code qemu}. */
  public abstract String vmm();

  /** The machine type, or empty when the snapshot does not say. */
  public abstract String machine();

  /** Bytes of a page, a power of two. */
  public abstract int pageSize();

  /** RAM blocks, in the order page records count them. */
  public abstract List<RamBlock> blocks();

  /** Overrides where main memory is split below 4 GiB; before {@link #memoryMap} is asked. */
  public abstract void below4g(long bytes);

  /** What the map would be with another split; nothing where addresses were saved. */
  public Optional<MemoryMap> memoryMap(MemorySplit.Asked asked) throws IOException {
    return Optional.empty();
  }

  /** Takes {@code map} for {@link #memoryMap} from now on. */
  public void decided(MemoryMap map) {}

  /** Where each RAM block stands in guest-physical memory. */
  public abstract MemoryMap memoryMap() throws IOException;

  /** Device sections in stream order; none where only RAM and CPUs were saved. */
  public abstract List<DeviceSection> devices() throws IOException;

  /** Why there can be no devices, if so. */
  public Optional<String> noDevices() {
    return Optional.empty();
  }

  /** The x86 CPUs, in order of their index; empty for other architectures. */
  public abstract List<X86Cpu> cpus() throws IOException;

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
        vmm(), machine(), arch(), blocks(), cpus(), Nics.of(devices()), devices());
  }

  /**
   * Reads everything once, showing every page to {@code visitor}, and keeps the index.
   *
   * @param progress told how many bytes of the file are done
   * @return the complete index
   */
  public abstract RamIndex scan(PageVisitor visitor, Progress progress) throws IOException;

  /** Reads everything once, telling nobody how far it is. */
  public RamIndex scan(PageVisitor visitor) throws IOException {
    return scan(visitor, Progress.NONE);
  }

  /**
   * Makes every part near, in any order. Of most snapshots it is; one that is compressed, or comes
   * through a pipe, is put into a file that has no name and is gone with the snapshot. To be called
   * before anything else was read.
   */
  public void randomAccess(Progress progress) throws IOException {}

  /** Where each page's last value lies; found on first use, telling {@code progress}. */
  public abstract RamIndex index(Progress progress) throws IOException;

  /** Where each page's last value lies; found on first use. */
  public RamIndex index() throws IOException {
    return index(Progress.NONE);
  }

  /** The index with every page of zeros counted as such; reads RAM where that takes it. */
  public RamIndex countedIndex(Progress progress) throws IOException {
    return index(progress);
  }

  /** Guest memory through the index. */
  public abstract GuestMemory memory() throws IOException;

  @Override
  public abstract void close() throws IOException;
}
