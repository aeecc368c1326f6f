package dev.vmstate.exchange;

import dev.vmstate.bytes.Progress;
import dev.vmstate.core.elf.CoreHeader;
import dev.vmstate.core.elf.CoreLayout;
import dev.vmstate.core.elf.CoreMachine;
import dev.vmstate.core.elf.LoadPlan;
import dev.vmstate.core.kdump.DumpLevel;
import dev.vmstate.core.kdump.KdumpCompression;
import dev.vmstate.core.kdump.KdumpWriter;
import dev.vmstate.core.kdump.LeftOut;
import dev.vmstate.core.kdump.PageFilter;
import dev.vmstate.core.kdump.UnfilterableException;
import dev.vmstate.core.paging.VirtualMap;
import dev.vmstate.core.vmcoreinfo.GuestVmcoreinfo;
import dev.vmstate.core.vmcoreinfo.Vmcoreinfo;
import dev.vmstate.cpu.X86Cpu;
import dev.vmstate.device.DeviceSection;
import dev.vmstate.elf.ElfNote;
import dev.vmstate.memory.GuestMemory;
import dev.vmstate.memory.MemoryMap;
import dev.vmstate.ram.PageVisitor;
import dev.vmstate.snapshot.Snapshot;
import dev.vmstate.snapshot.StreamSnapshot;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * A snapshot's memory and CPUs as one file, in any {@link CoreFormat}. An ELF core is written while
 * the snapshot is read from front to back. The others need pages by their address: a snapshot that
 * is compressed, or comes through a pipe, is put into a file beside the output first.
 */
final class CoreOutput {
  private final Snapshot snapshot;
  private final Path path;
  private final Progress progress;

  CoreOutput(Snapshot snapshot, Path path, Progress progress) {
    this.snapshot = snapshot;
    this.path = path;
    this.progress = progress;
  }

  /**
   * Whether what can be written is known already; for a stream that comes from front to back only
   * after it was read.
   *
   * @throws IOException when there is no CPU or no memory map, and the format needs one
   */
  static void check(Snapshot snapshot, CoreFormat format) throws IOException {
    if (format == CoreFormat.NONE) {
      return;
    }
    if (isForward(snapshot)) {
      if (snapshot instanceof StreamSnapshot stream && stream.isOtherMachine()) {
        throw refused(
            snapshot, "no x86 machine ('%s'): a core needs one".formatted(snapshot.machine()));
      }
      return;
    }
    if (format == CoreFormat.RAW) {
      requireMap(snapshot);
    } else {
      requireCpus(snapshot);
    }
  }

  static boolean isForward(Snapshot snapshot) {
    return snapshot instanceof StreamSnapshot stream && stream.stream().forward();
  }

  private static IOException refused(Snapshot snapshot, String why) {
    return new IOException("%s: %s; --core none writes the rest".formatted(snapshot.source(), why));
  }

  private static void requireCpus(Snapshot snapshot) throws IOException {
    if (snapshot.cpus().isEmpty()) {
      throw refused(snapshot, whyNoCpu(snapshot));
    }
  }

  private static void requireMap(Snapshot snapshot) throws IOException {
    MemoryMap map = snapshot.memoryMap();
    if (map.ranges().isEmpty()) {
      throw refused(snapshot, String.join("; ", map.reasons()));
    }
  }

  private static String whyNoCpu(Snapshot snapshot) throws IOException {
    if (snapshot.noDevices().isPresent()) {
      return "no note of an x86 CPU in it (%s): this format needs one, --core raw does not"
          .formatted(snapshot.arch());
    }
    Optional<DeviceSection> unread =
        snapshot.devices().stream()
            .filter(device -> device.name().equals("cpu"))
            .filter(device -> device.decoded() == DeviceSection.Decoded.OPAQUE)
            .findFirst();
    if (unread.isEmpty()) {
      return "no x86 CPU in it (machine '%s'): a core needs one".formatted(snapshot.machine());
    }
    boolean described =
        snapshot instanceof StreamSnapshot stream && stream.layout().vmdesc().isPresent();
    return "its 'cpu' sections cannot be read: "
        + (described
            ? unread.get().note()
            : "the stream has no device description (machine option suppress-vmdesc)");
  }

  /**
   * Writes core.elf.
   *
   * @param alongside sees every page too
   * @param physical p_vaddr = p_paddr instead of kernel virtual addresses
   * @param debug told of the kernel
   */
  Extraction.Result elf(PageVisitor alongside, boolean physical, DebugFiles debug)
      throws IOException {
    CoreLayout places = CoreLayout.of(snapshot.blocks(), 0);
    try (OutputFile file = new OutputFile(path);
        PageWriter pages =
            new PageWriter(snapshot.blocks(), snapshot.pageSize(), file, places::offsetOf)) {
      VmcoreinfoVisitor vmcoreinfos = new VmcoreinfoVisitor(snapshot.pageSize());
      PageVisitor all = PageVisitor.both(PageVisitor.both(pages, alongside), vmcoreinfos);
      snapshot.scan(all, progress);
      pages.finish();
      requireCpus(snapshot);
      List<X86Cpu> cpus = snapshot.cpus();
      CoreLayout layout = CoreLayout.of(snapshot.blocks(), cpus.size());
      if (layout.headerBytes() != places.headerBytes()) {
        throw new IOException("%s: %d CPUs are too many".formatted(snapshot.source(), cpus.size()));
      }
      MemoryMap unchecked = snapshot.memoryMap();
      if (file.channel().size() < layout.size()) {
        file.write(ByteBuffer.allocate(1), layout.size() - 1);
      }
      CheckedMap.decide(snapshot, new WrittenMemory(file.channel(), layout, pages, unchecked));
      MemoryMap map = snapshot.memoryMap();
      GuestMemory memory = new WrittenMemory(file.channel(), layout, pages, map);
      GuestKernel kernel = GuestKernel.of(snapshot, memory, vmcoreinfos.pages());
      VirtualMap virtual = physical ? VirtualMap.NONE : virtual(memory, cpus, kernel);
      LoadPlan plan = LoadPlan.of(layout, map, virtual);
      int machine = CoreMachine.of(cpus, kernel.kernel());
      List<ElfNote> notes = new ArrayList<>(CoreHeader.cpuNotesWithVectors(cpus, machine));
      kernel.vmcoreinfo().ifPresent(info -> notes.add(info.info().note()));
      file.write(CoreHeader.encode(layout, plan, notes, machine), 0);
      debug.kernel(kernel);
      file.commit();
      debug.finish(cpus.size());
      return new Extraction.Result(
          debug.files(),
          plan.loads().size(),
          plan.leftOut(),
          virtual,
          kernel,
          Optional.empty(),
          debug.notes());
    }
  }

  /** A kernel that no CPU had tables of, in SMM or in firmware, is in the core with its own. */
  private static VirtualMap virtual(GuestMemory memory, List<X86Cpu> cpus, GuestKernel kernel)
      throws IOException {
    return kernel.kernel().isPresent()
        ? VirtualMap.of(memory, cpus, kernel.kernel().get().image().memory().tables())
        : VirtualMap.of(memory, cpus);
  }

  /** Writes a kdump-compressed core. */
  KdumpWriter.Report kdump(KdumpCompression compression, DumpLevel level) throws IOException {
    scratchBeside();
    GuestKernel guest = GuestKernel.of(snapshot, progress);
    requireCpus(snapshot);
    GuestMemory memory = snapshot.memory();
    Optional<Vmcoreinfo> info = guest.vmcoreinfo().map(GuestVmcoreinfo::info);
    try (OutputFile file = new OutputFile(path)) {
      LeftOut leftOut =
          PageFilter.leftOut(memory, guest.kernel(), info, snapshot.pageSize(), level, progress);
      KdumpWriter.Content content =
          new KdumpWriter.Content(memory, snapshot.cpus(), guest.kernel(), info, leftOut);
      KdumpWriter.Report report =
          KdumpWriter.write(content, snapshot.pageSize(), compression, file::write, progress);
      file.commit();
      return report;
    } catch (UnfilterableException e) {
      throw new IOException("%s: %s".formatted(snapshot.source(), e.getMessage()), e);
    }
  }

  /** Writes memory as it stands at its physical addresses. */
  void raw() throws IOException {
    scratchBeside();
    CheckedMap.memory(snapshot, progress);
    requireMap(snapshot);
    try (OutputFile file = new OutputFile(path);
        RawMemory memory = new RawMemory(snapshot.memoryMap(), snapshot.pageSize(), file)) {
      snapshot.scan(memory, progress);
      memory.finish();
      file.commit();
    }
  }

  /** What has to be decompressed lies where the core will: there is room. */
  private void scratchBeside() {
    if (snapshot instanceof StreamSnapshot stream) {
      stream.scratch(path.toAbsolutePath().resolveSibling("").normalize());
    }
  }
}
