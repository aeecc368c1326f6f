package dev.vmstate.core.kdump;

import dev.vmstate.bytes.Progress;
import dev.vmstate.bytes.Span;
import dev.vmstate.core.elf.CoreHeader;
import dev.vmstate.core.kernel.LinuxKernel;
import dev.vmstate.core.symbols.SymbolsVmcoreinfo;
import dev.vmstate.core.vmcoreinfo.GuestVmcoreinfo;
import dev.vmstate.core.vmcoreinfo.Vmcoreinfo;
import dev.vmstate.core.vmcoreinfo.VmcoreinfoPages;
import dev.vmstate.cpu.X86Cpu;
import dev.vmstate.elf.ElfNote;
import dev.vmstate.kdump.KdumpHeader;
import dev.vmstate.kdump.KdumpSubHeader;
import dev.vmstate.kdump.PageDescriptor;
import dev.vmstate.memory.GuestMemory;
import dev.vmstate.memory.MemoryMap;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/**
 * Writes a kdump-compressed file, not flattened; {@link KdumpHeader} has the format.
 *
 * <p>Both bitmaps say the same: every frame that is RAM is in the file. All frames of zeros share
 * one page. Memory is read once, by ascending address; packing goes on in several threads while the
 * next frames are read, and at most a few MiB are on their way. VMCOREINFO is noticed as the pages
 * pass, so there is room for it behind the notes of the CPUs and headers are written last. It has
 * to be one of the notes: makedumpfile, when it makes another dump of this one, looks for it there.
 */
public final class KdumpWriter {
  /** Takes bytes of the file. */
  public interface Output {
    /** Writes all of {@code bytes} at {@code at}. */
    void write(ByteBuffer bytes, long at) throws IOException;
  }

  private static final int PAGE = 4096;
  private static final int CHUNK_BYTES = 1 << 20;
  private static final int BITMAP_STEP = 1 << 16;
  private static final int ROOM_FOR_VMCOREINFO = 32 + Vmcoreinfo.MOST_BYTES;

  private final GuestMemory memory;
  private final List<X86Cpu> cpus;
  private final int pageSize;
  private final KdumpCompression compression;
  private final Output out;
  private final FrameMap frames;
  private final Progress progress;
  private final VmcoreinfoPages vmcoreinfos = new VmcoreinfoPages();
  private final ByteBuffer descriptors =
      ByteBuffer.allocate(4096 * PageDescriptor.BYTES).order(ByteOrder.LITTLE_ENDIAN);
  private long descriptorsAt;
  private long zeroAt;
  private long dataAt;

  private KdumpWriter(
      GuestMemory memory,
      List<X86Cpu> cpus,
      int pageSize,
      KdumpCompression compression,
      Output out,
      Progress progress) {
    this.memory = memory;
    this.cpus = cpus;
    this.pageSize = pageSize;
    this.compression = compression;
    this.out = out;
    this.frames = FrameMap.of(memory.map(), pageSize);
    this.progress = progress;
  }

  /**
   * Writes the file.
   *
   * @param cpus for the notes; there may be none
   * @return the guest kernel's VMCOREINFO, if it was found on the way
   */
  public static Optional<Vmcoreinfo> write(
      GuestMemory memory,
      List<X86Cpu> cpus,
      int pageSize,
      KdumpCompression compression,
      Output out,
      Progress progress)
      throws IOException {
    return new KdumpWriter(memory, cpus, pageSize, compression, out, progress).write();
  }

  private Optional<Vmcoreinfo> write() throws IOException {
    List<ElfNote> notes = new ArrayList<>(CoreHeader.cpuNotes(cpus));
    long room = KdumpSubHeader.BYTES + bytes(notes) + ROOM_FOR_VMCOREINFO;
    long subHeaderBlocks = (room + pageSize - 1) / pageSize;
    long bitmapBlocks = 2 * KdumpHeader.blocks(frames.end(), pageSize);
    long bitmapAt = (1 + subHeaderBlocks) * pageSize;
    bitmap(bitmapAt, bitmapBlocks / 2);
    bitmap(bitmapAt + bitmapBlocks / 2 * pageSize, bitmapBlocks / 2);
    descriptorsAt = bitmapAt + bitmapBlocks * pageSize;
    zeroAt = descriptorsAt + frames.count() * PageDescriptor.BYTES;
    dataAt = zeroAt + pageSize;
    out.write(ByteBuffer.allocate(pageSize), zeroAt);
    pages();
    Optional<LinuxKernel> kernel = LinuxKernel.find(memory, cpus);
    Optional<GuestVmcoreinfo> found = kernel.isPresent() ? of(kernel.get()) : vmcoreinfos.only();
    Optional<Vmcoreinfo> info = found.map(GuestVmcoreinfo::info);
    long physBase =
        kernel.map(LinuxKernel::physBase).orElse(info.map(i -> i.physBase().orElse(0)).orElse(0L));
    long notesAt = pageSize + (long) KdumpSubHeader.BYTES;
    Span vmcoreinfo = new Span(0, 0);
    if (info.isPresent()) {
      ElfNote note = info.get().note();
      long end = notesAt + bytes(notes) + note.bytes();
      int length = note.descriptor().remaining();
      vmcoreinfo = new Span(end - (length + 3 & ~3), length);
      notes.add(note);
    }
    KdumpHeader header =
        new KdumpHeader(
            true,
            ByteOrder.LITTLE_ENDIAN,
            KdumpHeader.VERSION,
            KernelName.of(kernel, info),
            compression.flag(),
            pageSize,
            subHeaderBlocks,
            bitmapBlocks,
            frames.end(),
            cpus.size(),
            new KdumpSubHeader(
                physBase,
                0,
                false,
                frames.end(),
                vmcoreinfo,
                new Span(notes.isEmpty() ? 0 : notesAt, bytes(notes))));
    out.write(header.encode(), 0);
    ByteBuffer noteBytes = ByteBuffer.allocate((int) bytes(notes)).order(ByteOrder.LITTLE_ENDIAN);
    notes.forEach(note -> note.encode(noteBytes));
    out.write(noteBytes.flip(), notesAt);
    return info;
  }

  private Optional<GuestVmcoreinfo> of(LinuxKernel kernel) throws IOException {
    Optional<GuestVmcoreinfo> own = GuestVmcoreinfo.inImage(kernel);
    Optional<GuestVmcoreinfo> found = own.isPresent() ? own : vmcoreinfos.of(kernel);
    return found.isPresent() ? found : new SymbolsVmcoreinfo().of(kernel);
  }

  private static long bytes(List<ElfNote> notes) {
    return notes.stream().mapToLong(ElfNote::bytes).sum();
  }

  /** Stretches without a bit are not written: the file is new, they are zero. */
  private void bitmap(long at, long blocks) throws IOException {
    long bytes = blocks * pageSize;
    for (long done = 0; done < bytes; done += BITMAP_STEP) {
      byte[] step = new byte[(int) Math.min(BITMAP_STEP, bytes - done)];
      if (frames.bits(8 * done, step)) {
        out.write(ByteBuffer.wrap(step), at + done);
      }
    }
  }

  private void pages() throws IOException {
    int threads = Math.min(8, Runtime.getRuntime().availableProcessors());
    int perChunk = Math.max(1, CHUNK_BYTES / pageSize);
    ExecutorService workers = Executors.newFixedThreadPool(threads);
    Deque<Future<PackedPages>> waiting = new ArrayDeque<>();
    long done = 0;
    progress.start("compressing", frames.count() * pageSize);
    try {
      for (FrameMap.Run run : frames.runs()) {
        for (long frame = run.first(); frame < run.end(); frame += perChunk) {
          int count = (int) Math.min(perChunk, run.end() - frame);
          byte[] bytes = new byte[count * pageSize];
          read(frame * pageSize, bytes);
          if (pageSize == PAGE) {
            vmcoreinfos.look(bytes, bytes.length);
          }
          if (waiting.size() > threads) {
            put(waiting.remove().get());
          }
          waiting.add(workers.submit(() -> PackedPages.of(bytes, count, pageSize, compression)));
          done += bytes.length;
          progress.at(done);
        }
      }
      while (!waiting.isEmpty()) {
        put(waiting.remove().get());
      }
      flush();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new InterruptedIOException("compressing was interrupted");
    } catch (ExecutionException e) {
      throw new IOException("compressing failed: " + e.getCause(), e);
    } finally {
      workers.shutdownNow();
    }
  }

  /** The bytes from {@code physical} on; what is no RAM is zero. */
  private void read(long physical, byte[] bytes) throws IOException {
    long end = physical + bytes.length;
    List<MemoryMap.Range> ranges = memory.map().ranges();
    for (int i = firstEndingAfter(ranges, physical);
        i < ranges.size() && ranges.get(i).start() < end;
        i++) {
      MemoryMap.Range range = ranges.get(i);
      long from = Math.max(physical, range.start());
      long to = Math.min(end, range.end());
      ByteBuffer into = ByteBuffer.wrap(bytes, (int) (from - physical), (int) (to - from));
      memory.readBlock(range.block(), range.offset() + from - range.start(), into);
    }
  }

  private static int firstEndingAfter(List<MemoryMap.Range> ranges, long address) {
    int low = 0;
    int high = ranges.size();
    while (low < high) {
      int mid = (low + high) >>> 1;
      if (ranges.get(mid).end() <= address) {
        low = mid + 1;
      } else {
        high = mid;
      }
    }
    return low;
  }

  private void put(PackedPages pages) throws IOException {
    long at = dataAt;
    for (int i = 0; i < pages.count(); i++) {
      int length = pages.length(i);
      boolean zero = length == PackedPages.ZERO;
      if (!descriptors.hasRemaining()) {
        flush();
      }
      int flags = zero || length == pageSize ? 0 : compression.flag();
      new PageDescriptor(zero ? zeroAt : at, zero ? pageSize : length, flags).encode(descriptors);
      at += length;
    }
    out.write(ByteBuffer.wrap(pages.bytes(), 0, pages.used()), dataAt);
    dataAt = at;
  }

  private void flush() throws IOException {
    int length = descriptors.position();
    out.write(descriptors.flip(), descriptorsAt);
    descriptorsAt += length;
    descriptors.clear();
  }
}
