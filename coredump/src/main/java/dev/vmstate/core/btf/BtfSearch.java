package dev.vmstate.core.btf;

import dev.vmstate.bytes.FormatException;
import dev.vmstate.core.kernel.KernelImage;
import dev.vmstate.core.kernel.KernelMemory;
import dev.vmstate.memory.UnmappedAddressException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;

/**
 * A kernel's table inside its image: section .BTF, between {@code __start_BTF} and {@code
 * __stop_BTF} (include/asm-generic/vmlinux.lds.h). The largest table that holds together is the
 * kernel's; others belong to BPF programs built into it (kernel/bpf/preload).
 */
final class BtfSearch {
  /** Magic, version, and flags of which no kernel knows any; little-endian. */
  private static final int HEAD = 0x0001_eb9f;

  /** More than any kernel's; those of distributions have 4 to 8 MiB. */
  private static final int MOST_BYTES = 32 << 20;

  private static final int PAGE = 4096;

  /** Heads with lengths that fit, in a real image one or two. */
  private static final int MOST_CANDIDATES = 16;

  private final KernelImage image;
  private final KernelMemory memory;

  BtfSearch(KernelImage image) {
    this.image = image;
    this.memory = image.memory();
  }

  Optional<Btf> find(Optional<Btf.Bounds> bounds) throws IOException {
    if (bounds.isPresent()) {
      Optional<Btf> known = at(bounds.get());
      if (known.isPresent()) {
        return known;
      }
    }
    List<Btf.Bounds> candidates = candidates();
    candidates.sort(Comparator.comparingLong(of -> of.start() - of.stop()));
    for (Btf.Bounds candidate : candidates) {
      Optional<Btf> btf = at(candidate);
      if (btf.isPresent()) {
        return btf;
      }
    }
    return Optional.empty();
  }

  private Optional<Btf> at(Btf.Bounds bounds) throws IOException {
    long bytes = bounds.stop() - bounds.start();
    if (bytes <= 0 || bytes > MOST_BYTES) {
      return Optional.empty();
    }
    try {
      byte[] blob = memory.bytes(bounds.start(), (int) bytes);
      return Optional.of(Btf.parse("BTF at 0x%x".formatted(bounds.start()), blob));
    } catch (FormatException | UnmappedAddressException notOne) {
      return Optional.empty();
    }
  }

  private List<Btf.Bounds> candidates() throws IOException {
    List<Btf.Bounds> found = new ArrayList<>();
    ByteBuffer window = ByteBuffer.allocate(PAGE + 4).order(ByteOrder.LITTLE_ENDIAN);
    int kept = 0; // the last bytes of the page before: a head may cross pages
    for (long page = image.start(); page != image.end(); page += PAGE) {
      if (!memory.isRam(page)) {
        kept = 0;
        continue;
      }
      window.position(kept).limit(kept + PAGE);
      memory.read(page, window);
      for (int i = 0; i + 4 <= kept + PAGE; i++) {
        if (window.get(i) == (byte) HEAD && window.getInt(i) == HEAD) {
          bounds(page - kept + i).ifPresent(found::add);
        }
      }
      if (found.size() >= MOST_CANDIDATES) {
        break;
      }
      for (int i = 0; i < 3; i++) {
        window.put(i, window.get(kept + PAGE - 3 + i));
      }
      kept = 3;
    }
    return found;
  }

  /** Where a table that starts here would end, by its own header. */
  private Optional<Btf.Bounds> bounds(long start) throws IOException {
    if (image.end() - start < 24) {
      return Optional.empty();
    }
    try {
      long header = memory.u32(start + 4);
      long end = Math.max(sectionEnd(start + 8), sectionEnd(start + 16));
      if (header >= 32) {
        end = Math.max(end, sectionEnd(start + 24));
      }
      long bytes = header + end;
      return header < 24 || header > PAGE || bytes > MOST_BYTES || bytes > image.end() - start
          ? Optional.empty()
          : Optional.of(new Btf.Bounds(start, start + bytes));
    } catch (UnmappedAddressException e) {
      return Optional.empty();
    }
  }

  private long sectionEnd(long field) throws IOException {
    return memory.u32(field) + memory.u32(field + 4);
  }
}
