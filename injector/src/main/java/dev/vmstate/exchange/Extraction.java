package dev.vmstate.exchange;

import dev.vmstate.bytes.Progress;
import dev.vmstate.core.elf.CoreLayout;
import dev.vmstate.core.kdump.DumpLevel;
import dev.vmstate.core.kdump.KdumpWriter;
import dev.vmstate.core.paging.VirtualMap;
import dev.vmstate.hardware.HardwareXmlWriter;
import dev.vmstate.hardware.HardwareXsd;
import dev.vmstate.memory.MemoryMap;
import dev.vmstate.memory.MemorySplit;
import dev.vmstate.memory.RamBlock;
import dev.vmstate.snapshot.EditableSnapshot;
import dev.vmstate.snapshot.Snapshot;
import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Snapshot to directory, with core.elf in one pass over the stream, so that it may come through a
 * pipe: page records go into the core as they pass. What stands behind them in the stream, CPUs and
 * devices, is known then; the page tables are walked in the core, and its header is written.
 */
public final class Extraction {
  /** Name of the core in the directory. */
  public static final String CORE = "core.elf";

  /** Name of the device state in the directory. */
  public static final String HARDWARE = "hardware.xml";

  private static final String XSD = "hardware.xsd";

  private final Snapshot snapshot;
  private final Path directory;
  private final Options options;

  /**
   * What to extract.
   *
   * @param core what memory and CPUs are written as
   * @param hardware whether to write hardware.xml
   * @param physical p_vaddr = p_paddr instead of kernel virtual addresses, in core.elf
   * @param below4g the split that was asked for, or null
   * @param level pages that a kdump does without; none, of other formats
   * @param symbols what gdb gets beside core.elf
   */
  public record Options(
      CoreFormat core,
      boolean hardware,
      boolean physical,
      @Nullable Long below4g,
      DumpLevel level,
      DebugSymbols symbols) {
    /** With every page, and symbols of the guest's kernel. */
    public Options(CoreFormat core, boolean hardware, boolean physical, @Nullable Long below4g) {
      this(core, hardware, physical, below4g, DumpLevel.NONE, DebugSymbols.FROM_MEMORY);
    }
  }

  /**
   * What was written.
   *
   * @param loads PT_LOADs in core.elf
   * @param leftOut virtual runs that found no room in it
   * @param virtual the page tables' runs; {@link VirtualMap#NONE} without core.elf or paging
   * @param kernel the Linux in core.elf
   * @param kdump of core.kdump
   * @param notes what is missing though it was wanted
   */
  public record Result(
      List<Path> files,
      int loads,
      int leftOut,
      VirtualMap virtual,
      GuestKernel kernel,
      Optional<KdumpWriter.Report> kdump,
      List<String> notes) {}

  private Extraction(Snapshot snapshot, Path directory, Options options) {
    this.snapshot = snapshot;
    this.directory = directory;
    this.options = options;
  }

  /** Extracts into {@code directory}, which is made when missing. */
  public static Result run(Snapshot snapshot, Path directory, Options options, Progress progress)
      throws IOException {
    return new Extraction(snapshot, directory, options).run(progress);
  }

  private Result run(Progress progress) throws IOException {
    CoreOutput.check(snapshot, options.core());
    if (!CoreOutput.isForward(snapshot)) {
      snapshot.memoryMap();
    }
    OutputFile.Directory made = new OutputFile.Directory(directory);
    try {
      return write(progress);
    } finally {
      made.close();
    }
  }

  private Result write(Progress progress) throws IOException {
    // An older extraction's manifest must not speak for files of this one.
    Files.deleteIfExists(directory.resolve(Manifest.FILE));
    List<Path> files = new ArrayList<>();
    Result result =
        new Result(List.of(), 0, 0, VirtualMap.NONE, GuestKernel.NONE, Optional.empty(), List.of());
    Optional<KdumpWriter.Report> kdump = Optional.empty();
    @Nullable String pages = null;
    if (options.core().file().isPresent()) {
      Path path = directory.resolve(options.core().file().get());
      CoreOutput core = new CoreOutput(snapshot, path, progress);
      if (options.core() == CoreFormat.ELF) {
        StreamFingerprint fingerprint = new StreamFingerprint(snapshot.pageSize());
        DebugFiles debug = new DebugFiles(directory, options.symbols());
        DebugFiles.forget(directory);
        result = core.elf(fingerprint, options.physical(), debug);
        pages = fingerprint.pages();
      } else if (options.core() == CoreFormat.RAW) {
        core.raw();
      } else {
        kdump =
            Optional.of(core.kdump(options.core().compression().orElseThrow(), options.level()));
      }
      files.add(path);
    }
    if (options.hardware()) {
      files.add(hardware());
    }
    manifest(snapshot.memoryMap(), pages, files).write(directory);
    files.add(directory.resolve(Manifest.FILE));
    files.addAll(result.files());
    return new Result(
        List.copyOf(files),
        result.loads(),
        result.leftOut(),
        result.virtual(),
        result.kernel(),
        kdump,
        result.notes());
  }

  private Path hardware() throws IOException {
    Path path = directory.resolve(HARDWARE);
    try (OutputFile file = new OutputFile(path);
        OutputStream out = new BufferedOutputStream(file.stream(), 1 << 16)) {
      HardwareXmlWriter.write(snapshot.hardware(), out);
      out.flush();
      file.commit();
    }
    try (OutputFile file = new OutputFile(directory.resolve(XSD));
        InputStream xsd = HardwareXsd.open();
        OutputStream out = file.stream()) {
      xsd.transferTo(out);
      file.commit();
    }
    return path;
  }

  private Manifest manifest(MemoryMap map, @Nullable String pages, List<Path> files)
      throws IOException {
    List<Written> written = new ArrayList<>();
    for (Path file : files) {
      written.add(Written.of(file));
    }
    boolean elf = options.core() == CoreFormat.ELF;
    CoreLayout layout = elf ? CoreLayout.of(snapshot.blocks(), snapshot.cpus().size()) : null;
    List<Manifest.Block> blocks = new ArrayList<>();
    for (int i = 0; i < snapshot.blocks().size(); i++) {
      RamBlock block = snapshot.blocks().get(i);
      blocks.add(
          new Manifest.Block(
              block.name(),
              block.bytes(),
              block.pageSize(),
              layout == null ? null : layout.offsetOf(i, 0)));
    }
    List<Manifest.Range> ranges = new ArrayList<>();
    for (MemoryMap.Range range : map.ranges()) {
      ranges.add(
          new Manifest.Range(
              "0x" + Long.toHexString(range.start()),
              "0x" + Long.toHexString(range.end()),
              snapshot.blocks().get(range.block()).name(),
              "0x" + Long.toHexString(range.offset())));
    }
    Optional<EditableSnapshot> stream =
        snapshot instanceof EditableSnapshot s ? Optional.of(s) : Optional.empty();
    return new Manifest(
        Manifest.FORMAT,
        snapshot.source().absolute().toString(),
        stream.map(s -> s.holder().ownSize()).orElse(snapshot.fileSize()),
        snapshot.container(),
        snapshot.machine(),
        stream.isPresent() ? deviceFingerprint(stream.get()) : null,
        stream.isPresent() ? pages : null,
        below4g(map),
        blocks,
        ranges,
        elf ? CORE : null,
        options.hardware() ? HARDWARE : null,
        written);
  }

  /** What was asked for, or what the guest's memory showed: inject needs the same map. */
  private @Nullable Long below4g(MemoryMap map) {
    if (map.split().isPresent()) {
      MemorySplit split = map.split().get();
      if (split.from() == MemorySplit.Source.PAGE_TABLES
          || split.from() == MemorySplit.Source.E820) {
        return split.below4g();
      }
    }
    return options.below4g();
  }

  /** Of everything but pages. */
  public static String deviceFingerprint(EditableSnapshot snapshot) throws IOException {
    return StreamFingerprint.of(snapshot.stream(), snapshot.state());
  }
}
