package dev.vmstate.core.kdump;

import dev.vmstate.bytes.Progress;
import dev.vmstate.memory.GuestMemory;
import dev.vmstate.memory.MemoryMap;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Optional;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/**
 * Writes a kdump-compressed file, not flattened.
 *
 * <pre>
 * File ::= header, sub header with notes, bitmap 1, bitmap 2, page_desc per frame, zero page, pages
 * page_desc ::= i64 offset, u32 size, u32 flags, u64 page_flags
 * </pre>
 *
 * <p>Both bitmaps say the same: every frame that is RAM is in the file. All frames of zeros share
 * one page. Packing goes on in several threads while the next frames are read; at most a few MiB
 * are on their way. VMCOREINFO is noticed as the pages pass and stands behind them. Source: {@code
 * dump/dump.c}, write_dump_pages.
 */
public final class KdumpWriter {
  /** Takes bytes of the file. */
  public interface Output {
    /** Writes all of {@code bytes} at {@code at}. */
    void write(ByteBuffer bytes, long at) throws IOException;
  }

  private static final int DESCRIPTOR = 24;
  private static final int CHUNK_BYTES = 1 << 20;
  private static final int BITMAP_STEP = 1 << 16;

  private final GuestMemory memory;
  private final int pageSize;
  private final KdumpCompression compression;
  private final Output out;
  private final FrameMap frames;
  private final Progress progress;
  private final ByteBuffer descriptors =
      ByteBuffer.allocate(4096 * DESCRIPTOR).order(ByteOrder.LITTLE_ENDIAN);
  private long descriptorsAt;
  private long zeroAt;
  private long dataAt;
  private Optional<Vmcoreinfo> vmcoreinfo = Optional.empty();

  private KdumpWriter(
      GuestMemory memory,
      int pageSize,
      KdumpCompression compression,
      Output out,
      Progress progress) {
    this.memory = memory;
    this.pageSize = pageSize;
    this.compression = compression;
    this.out = out;
    this.frames = FrameMap.of(memory.map(), pageSize);
    this.progress = progress;
  }

  /**
   * Writes the file.
   *
   * @param notes the ELF notes of the CPUs, encoded, one behind the other
   * @param cpus how many CPUs there are
   * @return the guest kernel's VMCOREINFO, if it was found on the way
   */
  public static Optional<Vmcoreinfo> write(
      GuestMemory memory,
      int pageSize,
      ByteBuffer notes,
      int cpus,
      KdumpCompression compression,
      Output out,
      Progress progress)
      throws IOException {
    return new KdumpWriter(memory, pageSize, compression, out, progress).write(notes, cpus);
  }

  private Optional<Vmcoreinfo> write(ByteBuffer notes, int cpus) throws IOException {
    long bitmapAt =
        (1 + KdumpHeader.subHeaderBlocks(pageSize, notes.remaining())) * (long) pageSize;
    long bitmapBlocks = ((frames.end() + 7) / 8 + pageSize - 1) / pageSize;
    bitmap(bitmapAt, bitmapBlocks);
    bitmap(bitmapAt + bitmapBlocks * pageSize, bitmapBlocks);
    descriptorsAt = bitmapAt + 2 * bitmapBlocks * pageSize;
    zeroAt = descriptorsAt + frames.count() * DESCRIPTOR;
    dataAt = zeroAt + pageSize;
    out.write(ByteBuffer.allocate(pageSize), zeroAt);
    pages();
    byte[] text = vmcoreinfo.map(Vmcoreinfo::bytes).orElse(new byte[0]);
    out.write(ByteBuffer.wrap(text), dataAt);
    KdumpHeader header =
        new KdumpHeader(
            pageSize,
            frames.end(),
            2 * bitmapBlocks,
            cpus,
            compression.flag(),
            notes,
            vmcoreinfo.map(found -> found.physBase().orElse(0)).orElse(0L),
            vmcoreinfo.map(Vmcoreinfo::release),
            vmcoreinfo.isPresent() ? dataAt : 0,
            text.length);
    out.write(header.encode(), 0);
    return vmcoreinfo;
  }

  private void bitmap(long at, long blocks) throws IOException {
    long bytes = blocks * pageSize;
    for (long done = 0; done < bytes; done += BITMAP_STEP) {
      byte[] step = new byte[(int) Math.min(BITMAP_STEP, bytes - done)];
      frames.bits(8 * done, step);
      out.write(ByteBuffer.wrap(step), at + done);
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
          look(bytes, count);
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
    for (MemoryMap.Range range : memory.map().ranges()) {
      long from = Math.max(physical, range.start());
      long to = Math.min(end, range.end());
      if (from < to) {
        ByteBuffer into = ByteBuffer.wrap(bytes, (int) (from - physical), (int) (to - from));
        memory.readBlock(range.block(), range.offset() + from - range.start(), into);
      }
    }
  }

  private void look(byte[] bytes, int count) {
    for (int i = 0; vmcoreinfo.isEmpty() && i < count; i++) {
      vmcoreinfo = Vmcoreinfo.at(bytes, i * pageSize, pageSize);
    }
  }

  private void put(PackedPages pages) throws IOException {
    long at = dataAt;
    for (int i = 0; i < pages.count(); i++) {
      int length = pages.length(i);
      boolean zero = length == PackedPages.ZERO;
      if (!descriptors.hasRemaining()) {
        flush();
      }
      descriptors
          .putLong(zero ? zeroAt : at)
          .putInt(zero ? pageSize : length)
          .putInt(zero || length == pageSize ? 0 : compression.flag())
          .putLong(0);
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
