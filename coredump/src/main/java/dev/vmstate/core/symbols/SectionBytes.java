package dev.vmstate.core.symbols;

import dev.vmstate.core.kernel.KernelMemory;
import dev.vmstate.core.symbols.KernelSections.Section;
import java.io.IOException;
import java.io.OutputStream;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * What crash wants to see in a vmlinux before it believes it to be one: sections .text and .data
 * with bytes, .rodata with linux_banner in it, and a .data..percpu that is data (symbols.c,
 * kernel.c of crash). The bytes are the guest's, zeros where it has unmapped them.
 */
final class SectionBytes {
  private static final Set<String> WITH_BYTES =
      Set.of(".text", KernelSections.READ_ONLY, ".data", KernelSections.PER_CPU);

  /** Of all sections; larger than those of any kernel. */
  static final long MOST_BYTES = 128L << 20;

  private static final int PAGE = 4096;

  private SectionBytes() {}

  /** Null when the section only has a place, or more bytes than are left. */
  static ElfFile.@Nullable Contents of(KernelMemory memory, Section section, long left) {
    long bytes = section.end() - section.start();
    return WITH_BYTES.contains(section.name()) && bytes > 0 && bytes <= left
        ? out -> write(memory, section, out)
        : null;
  }

  private static void write(KernelMemory memory, Section section, OutputStream out)
      throws IOException {
    // A per-CPU area at 0 is no memory: what a process may have mapped there is not the kernel's.
    boolean nowhere = section.name().equals(KernelSections.PER_CPU);
    byte[] zeros = new byte[PAGE];
    for (long at = section.start(); at != section.end(); ) {
      int part = (int) Math.min(section.end() - at, PAGE - (at & (PAGE - 1)));
      if (nowhere || !memory.isRam(at)) {
        out.write(zeros, 0, part);
      } else {
        out.write(memory.bytes(at, part));
      }
      at += part;
    }
  }
}
