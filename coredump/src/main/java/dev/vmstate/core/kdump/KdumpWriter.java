package dev.vmstate.core.kdump;

import dev.vmstate.bytes.Progress;
import dev.vmstate.bytes.Span;
import dev.vmstate.core.elf.CoreHeader;
import dev.vmstate.core.kernel.LinuxKernel;
import dev.vmstate.core.vmcoreinfo.Vmcoreinfo;
import dev.vmstate.cpu.X86Cpu;
import dev.vmstate.elf.ElfNote;
import dev.vmstate.kdump.KdumpHeader;
import dev.vmstate.kdump.KdumpSubHeader;
import dev.vmstate.kdump.PageDescriptor;
import dev.vmstate.memory.GuestMemory;
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
 * <p>The first bitmap says which frames are RAM, the second which of them are in the file. All
 * frames of zeros share one page, and are in the second bitmap: makedumpfile does no other with
 * dump level 1. Memory is read once, by ascending address; packing goes on in several threads while
 * the next frames are read, and at most a few MiB are on their way. Headers are written last.
 * VMCOREINFO has to be one of the notes: makedumpfile, when it makes another dump of this one,
 * looks for it there.
 */
public final class KdumpWriter {
  /** Takes bytes of the file. */
  public interface Output {
    /** Writes all of {@code bytes} at {@code at}. */
    void write(ByteBuffer bytes, long at) throws IOException;
  }

  /**
   * What to write.
   *
   * @param cpus for the notes; there may be none
   * @param kernel the Linux that runs in it, if one was found
   * @param vmcoreinfo that kernel's
   * @param leftOut frames that are not in the file, of this memory
   */
  public record Content(
      GuestMemory memory,
      List<X86Cpu> cpus,
      Optional<LinuxKernel> kernel,
      Optional<Vmcoreinfo> vmcoreinfo,
      LeftOut leftOut) {}

  /**
   * What was written.
   *
   * @param vmcoreinfo the guest kernel's, if there is one
   * @param frames that are RAM
   * @param zeros of them that are in the file and hold zeros only
   * @param leftOut those that are not in the file
   */
  public record Report(Optional<Vmcoreinfo> vmcoreinfo, long frames, long zeros, LeftOut leftOut) {
    /** Frames in the file. */
    public long written() {
      return frames - leftOut.total();
    }
  }

  private static final int CHUNK_BYTES = 1 << 20;
  private static final int BITMAP_STEP = 1 << 16;

  private final Content content;
  private final int pageSize;
  private final KdumpCompression compression;
  private final Output out;
  private final FrameMap frames;
  private final Progress progress;
  private final LeftOut leftOut;
  private final FrameReader reader;
  private final int threads = Math.min(8, Runtime.getRuntime().availableProcessors());
  private final ExecutorService workers = Executors.newFixedThreadPool(threads);
  private final Deque<Future<PackedPages>> waiting = new ArrayDeque<>();
  private long packed;
  private long zeros;
  private final ByteBuffer descriptors =
      ByteBuffer.allocate(4096 * PageDescriptor.BYTES).order(ByteOrder.LITTLE_ENDIAN);
  private long descriptorsAt;
  private long zeroAt;
  private long dataAt;

  private KdumpWriter(
      Content content, int pageSize, KdumpCompression compression, Output out, Progress progress) {
    this.content = content;
    this.pageSize = pageSize;
    this.compression = compression;
    this.leftOut = content.leftOut();
    this.reader = new FrameReader(content.memory(), pageSize);
    this.out = out;
    this.frames = FrameMap.of(content.memory().map(), pageSize);
    this.progress = progress;
  }

  /** Writes the file. */
  public static Report write(
      Content content, int pageSize, KdumpCompression compression, Output out, Progress progress)
      throws IOException {
    return new KdumpWriter(content, pageSize, compression, out, progress).write();
  }

  private Report write() throws IOException {
    List<ElfNote> notes = new ArrayList<>(CoreHeader.cpuNotes(content.cpus()));
    long notesAt = pageSize + (long) KdumpSubHeader.BYTES;
    Span vmcoreinfo = new Span(0, 0);
    Optional<Vmcoreinfo> info = content.vmcoreinfo();
    if (info.isPresent()) {
      ElfNote note = info.get().note();
      long end = notesAt + bytes(notes) + note.bytes();
      int length = note.descriptor().remaining();
      vmcoreinfo = new Span(end - (length + 3 & ~3), length);
      notes.add(note);
    }
    long subHeaderBlocks = (KdumpSubHeader.BYTES + bytes(notes) + pageSize - 1) / pageSize;
    long bitmapBlocks = 2 * KdumpHeader.blocks(frames.end(), pageSize);
    long bitmapAt = (1 + subHeaderBlocks) * pageSize;
    bitmap(bitmapAt, bitmapBlocks / 2, false);
    bitmap(bitmapAt + bitmapBlocks / 2 * pageSize, bitmapBlocks / 2, true);
    descriptorsAt = bitmapAt + bitmapBlocks * pageSize;
    zeroAt = descriptorsAt + (frames.count() - leftOut.total()) * PageDescriptor.BYTES;
    dataAt = zeroAt + pageSize;
    out.write(ByteBuffer.allocate(pageSize), zeroAt);
    pages();
    KdumpHeader header =
        new KdumpHeader(
            true,
            ByteOrder.LITTLE_ENDIAN,
            KdumpHeader.VERSION,
            KernelName.of(content.kernel(), info),
            compression.flag(),
            pageSize,
            subHeaderBlocks,
            bitmapBlocks,
            frames.end(),
            content.cpus().size(),
            new KdumpSubHeader(
                physBase(),
                leftOut.level().bits(),
                false,
                frames.end(),
                vmcoreinfo,
                new Span(notes.isEmpty() ? 0 : notesAt, bytes(notes))));
    out.write(header.encode(), 0);
    ByteBuffer noteBytes = ByteBuffer.allocate((int) bytes(notes)).order(ByteOrder.LITTLE_ENDIAN);
    notes.forEach(note -> note.encode(noteBytes));
    out.write(noteBytes.flip(), notesAt);
    return new Report(info, frames.count(), zeros, leftOut);
  }

  private long physBase() {
    return content.kernel().isPresent()
        ? content.kernel().get().physBase()
        : content.vmcoreinfo().map(info -> info.physBase().orElse(0)).orElse(0L);
  }

  private static long bytes(List<ElfNote> notes) {
    return notes.stream().mapToLong(ElfNote::bytes).sum();
  }

  /** Stretches without a bit are not written: the file is new, they are zero. */
  private void bitmap(long at, long blocks, boolean dumped) throws IOException {
    long bytes = blocks * pageSize;
    for (long done = 0; done < bytes; done += BITMAP_STEP) {
      byte[] step = new byte[(int) Math.min(BITMAP_STEP, bytes - done)];
      if (frames.bits(8 * done, step)) {
        if (dumped) {
          leftOut.frames().clear(8 * done, step);
        }
        out.write(ByteBuffer.wrap(step), at + done);
      }
    }
  }

  private void pages() throws IOException {
    int perChunk = Math.max(1, CHUNK_BYTES / pageSize);
    progress.start("compressing", (frames.count() - leftOut.total()) * pageSize);
    try {
      byte[] bytes = new byte[perChunk * pageSize];
      int count = 0;
      for (FrameMap.Run run : frames.runs()) {
        for (long frame = kept(run.first(), run); frame < run.end(); frame = kept(frame, run)) {
          long end = leftOut.frames().next(true, frame, run.end());
          int some = (int) Math.min(perChunk - count, end - frame);
          reader.read(frame, some, bytes, count * pageSize);
          count += some;
          frame += some;
          if (count == perChunk) {
            pack(bytes, count);
            bytes = new byte[bytes.length];
            count = 0;
          }
        }
      }
      pack(bytes, count);
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

  private long kept(long frame, FrameMap.Run run) {
    return leftOut.frames().next(false, frame, run.end());
  }

  private void pack(byte[] bytes, int count)
      throws IOException, InterruptedException, ExecutionException {
    if (waiting.size() > threads) {
      put(waiting.remove().get());
    }
    waiting.add(workers.submit(() -> PackedPages.of(bytes, count, pageSize, compression)));
    packed += count;
    progress.at(packed * pageSize);
  }

  private void put(PackedPages pages) throws IOException {
    long at = dataAt;
    for (int i = 0; i < pages.count(); i++) {
      int length = pages.length(i);
      boolean zero = length == PackedPages.ZERO;
      zeros += zero ? 1 : 0;
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
