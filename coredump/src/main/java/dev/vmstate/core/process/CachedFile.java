package dev.vmstate.core.process;

import dev.vmstate.core.objects.KernelObject;
import dev.vmstate.core.objects.KernelObjects;
import dev.vmstate.core.objects.XArray;
import dev.vmstate.memory.GuestMemory;
import dev.vmstate.memory.MemoryMap;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * A file of the guest as far as its page cache has it: its programs and libraries, without its
 * disk.
 *
 * @param mapping the file's {@code address_space}
 * @param size {@code i_size}
 * @param frames of the guest's memory
 * @param zeroHoles whether a page that is not there is zeros: of file systems in memory
 */
public record CachedFile(KernelObject mapping, long size, PageFrames frames, boolean zeroHoles) {
  private static final int PAGE = 4096;

  /** Larger is no program. */
  private static final long MOST_BYTES = 8L << 30;

  private static final int MOST_ENTRIES = 1 << 22;
  private static final int S_IFMT = 0170000;
  private static final int S_IFREG = 0100000;

  /** Of an open file; empty when it is no regular one, or larger than any program. */
  public static Optional<CachedFile> of(KernelObject file, PageFrames frames) throws IOException {
    Optional<KernelObject> mapping = PageCache.mapping(file);
    Optional<KernelObject> inode =
        mapping.isEmpty() ? mapping : mapping.get().follow("host", "inode");
    if (inode.isEmpty() || (inode.get().number("i_mode") & S_IFMT) != S_IFREG) {
      return Optional.empty();
    }
    long size = inode.get().number("i_size");
    if (size <= 0 || size > MOST_BYTES) {
      return Optional.empty();
    }
    KernelObjects objects = file.objects();
    long operations = mapping.get().number("a_ops");
    boolean inMemory = false;
    for (String name : new String[] {"shmem_aops", "ram_aops"}) {
      OptionalLong symbol = objects.address(name);
      inMemory |= symbol.isPresent() && symbol.getAsLong() == operations;
    }
    return Optional.of(new CachedFile(mapping.get(), size, frames, inMemory));
  }

  /** Pages it has. */
  public long pages() {
    return (size + PAGE - 1) / PAGE;
  }

  /** Pages that are not in RAM. */
  public long missing() throws IOException {
    long[] present = new long[1];
    long[] values = new long[1];
    each((page, physical) -> present[0]++, values);
    return zeroHoles ? values[0] : pages() - present[0];
  }

  private interface Page {
    void at(long page, long physical) throws IOException;
  }

  /** {@code swapped}: counts pages of a file in memory that are on swap. */
  private void each(Page visitor, long[] swapped) throws IOException {
    MemoryMap map = mapping.objects().memory().physical().map();
    new XArray(mapping.objects(), mapping.at("i_pages"))
        .range(
            0,
            pages() - 1,
            MOST_ENTRIES,
            (first, last, entry) -> {
              for (long page = first; page <= Math.min(last, pages() - 1); page++) {
                OptionalLong frame =
                    (entry & 3) == 0 ? frames.frame(entry, first, page) : OptionalLong.empty();
                if (frame.isPresent()
                    && map.at(frame.getAsLong()).isPresent()
                    && map.at(frame.getAsLong() + PAGE - 1).isPresent()) {
                  visitor.at(page, frame.getAsLong());
                } else {
                  swapped[0]++;
                }
              }
            });
  }

  /** Whether it begins as an ELF file does. */
  public boolean isElf() throws IOException {
    boolean[] elf = new boolean[1];
    GuestMemory memory = mapping.objects().memory().physical();
    each(
        (page, physical) -> {
          if (page == 0) {
            ByteBuffer magic = ByteBuffer.allocate(4);
            memory.readPhysical(physical, magic);
            elf[0] = magic.flip().getInt() == 0x7f454c46;
          }
        },
        new long[1]);
    return elf[0];
  }

  /** Writes what is there, and gives the file its length. */
  public void write(ProcessCore.Target out) throws IOException {
    GuestMemory memory = mapping.objects().memory().physical();
    byte[] bytes = new byte[PAGE];
    out.write(ByteBuffer.allocate(1), size - 1);
    each(
        (page, physical) -> {
          int part = (int) Math.min(PAGE, size - page * PAGE);
          memory.readPhysical(physical, ByteBuffer.wrap(bytes, 0, part));
          out.write(ByteBuffer.wrap(bytes, 0, part), page * PAGE);
        },
        new long[1]);
  }
}
