package dev.vmstate.core.symbols;

import dev.vmstate.core.kallsyms.SymbolTable;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.OptionalLong;

/**
 * The kernel's memory as sections, where it runs: gdb looks a symbol up by address only in the
 * section it belongs to, and takes it for a function only when that has code. Bounds are the
 * symbols that include/asm-generic/vmlinux.lds.h and arch/x86/kernel/vmlinux.lds.S put there; what
 * has symbols but none of those bounds gets sections made around it.
 */
final class KernelSections {
  /** A section's name, and the symbols at its first byte and behind its last. */
  private record Bounds(String name, boolean code, String start, String end) {}

  static final String READ_ONLY = ".rodata";

  private static final List<Bounds> BOUNDS =
      List.of(
          new Bounds(".text", true, "_text", "_etext"),
          new Bounds(READ_ONLY, false, "__start_rodata", "__end_rodata"),
          new Bounds(".data", false, "_sdata", "_edata"),
          new Bounds(".init.text", true, "_sinittext", "_einittext"),
          new Bounds(".bss", false, "__bss_start", "__bss_stop"),
          new Bounds(".brk", false, "__brk_base", "__brk_limit"));

  /** x86-64 before 6.15 links the area of each CPU to be at 0. */
  static final String PER_CPU = ".data..percpu";

  private static final long PAGE = 4096;

  /** Symbols of one module, or of none, that lie further apart have sections of their own. */
  private static final long APART = 4L << 20;

  /** ELF counts sections in 16 bits; a kernel with 300 modules has 700. */
  private static final int MOST_SECTIONS = 0xf000;

  private final SymbolTable symbols;
  private final List<Section> sections = new ArrayList<>();

  /**
   * A section.
   *
   * @param end behind its last byte
   */
  record Section(String name, boolean code, long start, long end) {}

  private KernelSections(SymbolTable symbols) {
    this.symbols = symbols;
  }

  /**
   * By their first byte.
   *
   * @param order lines of {@code symbols} by address, absolute ones left out
   */
  static List<Section> of(SymbolTable symbols, int[] order) {
    KernelSections of = new KernelSections(symbols);
    of.known();
    of.others(order);
    of.sections.sort((a, b) -> Long.compareUnsigned(a.start(), b.start()));
    return List.copyOf(of.sections);
  }

  private void known() {
    OptionalLong perCpu = symbols.address("__per_cpu_start");
    OptionalLong perCpuEnd = symbols.address("__per_cpu_end");
    if (perCpu.isPresent()
        && perCpu.getAsLong() == 0
        && perCpuEnd.isPresent()
        && perCpuEnd.getAsLong() > 0) {
      sections.add(new Section(PER_CPU, false, 0, perCpuEnd.getAsLong()));
    }
    for (Bounds bounds : BOUNDS) {
      OptionalLong start = symbols.address(bounds.start());
      OptionalLong end = symbols.address(bounds.end());
      if (start.isPresent()
          && end.isPresent()
          && Long.compareUnsigned(start.getAsLong(), end.getAsLong()) < 0
          && sections.stream()
              .noneMatch(
                  other ->
                      overlap(other.start(), other.end(), start.getAsLong(), end.getAsLong()))) {
        sections.add(new Section(bounds.name(), bounds.code(), start.getAsLong(), end.getAsLong()));
      }
    }
  }

  private static boolean overlap(long a, long aEnd, long b, long bEnd) {
    return Long.compareUnsigned(a, bEnd) < 0 && Long.compareUnsigned(b, aEnd) < 0;
  }

  /** Runs of symbols outside: of one module, all code or all data, whole pages where free. */
  private void others(int[] order) {
    Section[] fixed = sections.toArray(Section[]::new);
    Arrays.sort(fixed, Comparator.comparing(Section::start, Long::compareUnsigned));
    int next = 0;
    int runStart = -1;
    int last = -1;
    long free = 0;
    for (int at : order) {
      long address = symbols.address(at);
      int before = next;
      while (next < fixed.length && Long.compareUnsigned(fixed[next].end(), address) <= 0) {
        next++;
      }
      boolean inside =
          next < fixed.length && Long.compareUnsigned(fixed[next].start(), address) <= 0;
      if (last >= 0 && (inside || next != before || !together(last, at))) {
        free = run(runStart, last, free, inside ? fixed[next].start() : address & -PAGE);
        last = -1;
      }
      if (inside) {
        free = fixed[next].end();
        continue;
      }
      if (next > 0 && fixed[next - 1].end() == address) {
        continue; // _etext and the like belong to what they end
      }
      if (last < 0) {
        runStart = at;
        free = next > 0 ? max(free, fixed[next - 1].end()) : free;
      }
      last = at;
    }
    if (last >= 0) {
      run(runStart, last, free, next < fixed.length ? fixed[next].start() : -PAGE);
    }
  }

  private static long max(long a, long b) {
    return Long.compareUnsigned(a, b) > 0 ? a : b;
  }

  private boolean together(int a, int b) {
    return symbols.module(a).equals(symbols.module(b))
        && isCode(symbols.type(a)) == isCode(symbols.type(b))
        && symbols.address(b) - symbols.address(a) < APART;
  }

  /** {@code W}: weak, and not marked as an object: functions are. */
  static boolean isCode(char type) {
    return switch (type) {
      case 'T', 't', 'W', 'w', 'i' -> true;
      default -> false;
    };
  }

  /**
   * Adds the section of the symbols from {@code first} to {@code last}, not below {@code free} and,
   * as far as its last symbol allows, not beyond {@code limit}; returns its end.
   */
  private long run(int first, int last, long free, long limit) {
    long start = max(symbols.address(first) & -PAGE, free);
    long end = (symbols.address(last) & -PAGE) + PAGE;
    if (Long.compareUnsigned(end, limit) > 0
        && Long.compareUnsigned(limit, symbols.address(last)) > 0) {
      end = limit;
    } else if (Long.compareUnsigned(end, limit) > 0) {
      end = symbols.address(last) + 1; // what follows begins in the same page
    }
    if (sections.size() >= MOST_SECTIONS) {
      return end;
    }
    boolean code = isCode(symbols.type(first));
    String module = symbols.module(first);
    String name = (code ? ".text." : ".data.") + (module.isEmpty() ? sections.size() : module);
    sections.add(new Section(name, code, start, end));
    return end;
  }

  /**
   * Index of the section {@code address} lies in, -1 for none; its end belongs to it when nothing
   * else begins there.
   */
  static int indexAt(List<Section> sections, long address) {
    int low = 0;
    int high = sections.size();
    while (low < high) {
      int middle = (low + high) >>> 1;
      if (Long.compareUnsigned(sections.get(middle).start(), address) <= 0) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return low > 0 && Long.compareUnsigned(address, sections.get(low - 1).end()) <= 0
        ? low - 1
        : -1;
  }
}
