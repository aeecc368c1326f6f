package dev.vmstate.core.kdump;

import dev.vmstate.bytes.Progress;
import dev.vmstate.core.kernel.KernelMemory;
import dev.vmstate.core.kernel.LinuxKernel;
import dev.vmstate.core.vmcoreinfo.Vmcoreinfo;
import dev.vmstate.memory.GuestMemory;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Decides which frames a dump leaves out, by one pass over the kernel's {@code struct page}s: they
 * are read in pieces, and what is kept of them is a bit each.
 *
 * <p>A struct page that is damaged costs no more than the frames of the largest block there can be,
 * and never time: each frame is looked at once. What cannot be read stays in the dump.
 */
public final class PageFilter {
  /** Struct pages read at once; a power of two, so that a compound page's second follows. */
  private static final int PIECE = 8192;

  private final FrameMap ram;
  private final MemMap map;
  private final StructPage page;
  private final LeftOut out;
  private final byte[] bytes;

  private PageFilter(KernelMemory memory, Vmcoreinfo info, FrameMap ram, DumpLevel level)
      throws IOException {
    FilterFacts facts = new FilterFacts(info, level);
    this.ram = ram;
    this.page = StructPage.of(facts, memory.wordBytes());
    this.map = MemMap.of(memory, facts, page.bytes());
    this.out = new LeftOut(level);
    this.bytes = new byte[PIECE * page.bytes()];
  }

  /**
   * What a dump of that level does without.
   *
   * @param kernel the Linux that runs in it, if one was found
   * @param info its VMCOREINFO
   * @throws IOException when the guest's kernel has to be asked and cannot be
   */
  public static LeftOut leftOut(
      GuestMemory memory,
      Optional<LinuxKernel> kernel,
      Optional<Vmcoreinfo> info,
      int pageSize,
      DumpLevel level,
      Progress progress)
      throws IOException {
    if (!level.needsKernel()) {
      return LeftOut.nothing(level);
    }
    if (kernel.isEmpty()) {
      throw unfilterable(level, "no running one was found");
    }
    if (info.isEmpty()) {
      throw unfilterable(
          level,
          "Linux %s has no VMCOREINFO, and symbols and types to make one are not there"
              .formatted(kernel.get().release()));
    }
    FrameMap frames = FrameMap.of(memory.map(), pageSize);
    return leftOut(kernel.get().image().memory(), info.get(), frames, level, progress);
  }

  private static UnfilterableException unfilterable(DumpLevel level, String why) {
    return new UnfilterableException(
        "--dump-level %d asks the guest's Linux kernel which pages it uses: %s; 1 (zero) asks none"
            .formatted(level.bits(), why));
  }

  /**
   * Looks at every frame.
   *
   * @param memory as the kernel maps it
   * @param info this kernel's
   * @throws IOException when {@code info} does not say where things are
   */
  static LeftOut leftOut(
      KernelMemory memory, Vmcoreinfo info, FrameMap ram, DumpLevel level, Progress progress)
      throws IOException {
    PageFilter filter = new PageFilter(memory, info, ram, level);
    filter.run(progress);
    return filter.out;
  }

  private void run(Progress progress) throws IOException {
    progress.start("looking at pages", ram.count() * 4096);
    long done = 0;
    long section = -1;
    long array = MemMap.NONE;
    long next = 0;
    for (FrameMap.Run run : ram.runs()) {
      for (long frame = run.first(); frame < run.end(); ) {
        if (frame / map.sectionFrames() != section) {
          section = frame / map.sectionFrames();
          array = map.array(section);
          next = frame;
        }
        long start = section * map.sectionFrames();
        long end = Math.min(run.end(), start + map.sectionFrames());
        if (array == MemMap.NONE) {
          out.addUnknown(end - frame);
        } else {
          next = look(frame, end, next, array - start * page.bytes());
        }
        done += end - frame;
        progress.at(done * 4096);
        frame = end;
      }
    }
  }

  /**
   * Frames of one section.
   *
   * @param next the first that no page before it has spoken for
   * @param array the address frame 0 would have
   * @return the first frame that is not spoken for
   */
  private long look(long from, long end, long next, long array) throws IOException {
    long first = Math.max(from, map.begin());
    long last = Math.min(end, map.end());
    if (first >= last) {
      out.addUnknown(end - from);
      return next;
    }
    out.addUnknown(first - from + end - last);
    for (long frame = first; frame < last; ) {
      int count = (int) Math.min(last - frame, PIECE - frame % PIECE);
      int got = map.read(array + frame * page.bytes(), bytes, count * page.bytes()) / page.bytes();
      next = kinds(StructPage.buffer(bytes, got * page.bytes()), frame, got, next);
      if (got < count) {
        // Not mapped: one frame at a time, until there is something again.
        out.addUnknown(1);
        got++;
      }
      frame += got;
    }
    return next;
  }

  private long kinds(ByteBuffer pages, long from, int count, long next) {
    for (int i = next <= from ? 0 : (int) Math.min(count, next - from); i < count; i++) {
      @Nullable PageKind kind = page.kind(pages, i * page.bytes(), from + i);
      if (kind == null) {
        continue;
      }
      next = from + i + page.span();
      ram.within(from + i, next, (a, b) -> out.add(kind, a, b));
      i += Math.min(count, page.span()) - 1;
    }
    return next;
  }
}
