package dev.vmstate.core.symbols;

import dev.vmstate.core.dwarf.LittleBytes;
import dev.vmstate.core.kallsyms.SymbolTable;
import dev.vmstate.core.symbols.KernelSections.Section;
import java.util.Arrays;
import java.util.List;

/**
 * .symtab and .strtab: every line of kallsyms, local symbols first, as the ELF specification wants.
 * kallsyms has no sizes: a symbol reaches to the next one, or to the end of its section.
 */
final class ElfSymbols {
  private static final int ABSOLUTE = 0xfff1;
  private static final int OBJECT = 1;
  private static final int FUNCTION = 2;

  private final SymbolTable symbols;
  private final List<Section> sections;
  private final boolean wide;
  private final long[] starts;
  private final long perCpuEnd;
  private final LittleBytes table = new LittleBytes();
  private final LittleBytes names = new LittleBytes();
  private int locals = 1;

  /**
   * Writes them.
   *
   * @param order lines by address, without absolute ones
   * @param sections the section with index {@code i} in the file is {@code i + 1}
   */
  ElfSymbols(SymbolTable symbols, int[] order, List<Section> sections, boolean wide) {
    this.symbols = symbols;
    this.sections = sections;
    this.wide = wide;
    this.starts = starts(symbols, order);
    this.perCpuEnd = perCpuEnd(symbols);
    names.u8(0);
    entry(0, 0, 0, 0, 0);
    for (int i = 0; i < symbols.size(); i++) {
      if (binding(symbols.type(i)) == 0) {
        write(i);
        locals++;
      }
    }
    for (int i = 0; i < symbols.size(); i++) {
      if (binding(symbols.type(i)) != 0) {
        write(i);
      }
    }
  }

  private static long[] starts(SymbolTable symbols, int[] order) {
    long[] starts = new long[order.length];
    int count = 0;
    for (int at : order) {
      long address = symbols.address(at);
      if (count == 0 || starts[count - 1] != address) {
        starts[count++] = address;
      }
    }
    return Arrays.copyOf(starts, count);
  }

  /** Lines by address, those that are no addresses left out, but for a per-CPU area at 0. */
  static int[] order(SymbolTable symbols) {
    long perCpuEnd = perCpuEnd(symbols);
    int count = 0;
    int[] order = new int[symbols.size()];
    for (int i = 0; i < symbols.size(); i++) {
      boolean absolute = symbols.type(i) == 'A' || symbols.type(i) == 'a';
      if (!absolute || Long.compareUnsigned(symbols.address(i), perCpuEnd) < 0) {
        order[count++] = i;
      }
    }
    return sorted(symbols, Arrays.copyOf(order, count));
  }

  private static long perCpuEnd(SymbolTable symbols) {
    long start = symbols.address("__per_cpu_start").orElse(-1);
    return start == 0 ? symbols.address("__per_cpu_end").orElse(0) : 0;
  }

  /** Stable; kallsyms is nearly in order, so it sorts runs. */
  private static int[] sorted(SymbolTable symbols, int[] order) {
    Integer[] boxed = new Integer[order.length];
    Arrays.setAll(boxed, i -> order[i]);
    Arrays.sort(boxed, (a, b) -> Long.compareUnsigned(symbols.address(a), symbols.address(b)));
    int[] result = new int[order.length];
    Arrays.setAll(result, i -> boxed[i]);
    return result;
  }

  /** 0 local, 1 global, 2 weak: the letters of nm. */
  private static int binding(char type) {
    return switch (type) {
      case 'W', 'V', 'w', 'v' -> 2;
      default -> type >= 'A' && type <= 'Z' ? 1 : 0;
    };
  }

  /** Where what stands at {@code address} ends; there itself when that is in no section. */
  long end(long address) {
    int index = KernelSections.indexAt(sections, address);
    return index < 0 ? address : end(address, sections.get(index));
  }

  /** Where the symbol at {@code address} ends: at the next one, or with its section. */
  long end(long address, Section section) {
    int low = 0;
    int high = starts.length;
    while (low < high) { // the first one above
      int middle = (low + high) >>> 1;
      if (Long.compareUnsigned(starts[middle], address) <= 0) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    long limit = section.end();
    return low < starts.length && Long.compareUnsigned(starts[low], limit) < 0
        ? starts[low]
        : limit;
  }

  private void write(int i) {
    char type = symbols.type(i);
    long address = symbols.address(i);
    boolean number = (type == 'A' || type == 'a') && Long.compareUnsigned(address, perCpuEnd) >= 0;
    int index = number ? -1 : KernelSections.indexAt(sections, address);
    int kind = 0;
    long size = 0;
    if (index >= 0) {
      Section section = sections.get(index);
      kind = KernelSections.isCode(type) && section.code() ? FUNCTION : OBJECT;
      size = end(address, section) - address;
    }
    entry(
        names.string(symbols.name(i)),
        binding(type) << 4 | kind,
        index < 0 ? ABSOLUTE : index + 1,
        address,
        size);
  }

  private void entry(int name, int info, int section, long address, long size) {
    table.u32(name);
    if (wide) {
      table.u8(info).u8(0).u16(section).u64(address).u64(size);
    } else {
      table.u32(address).u32(size).u8(info).u8(0).u16(section);
    }
  }

  /** .symtab. */
  LittleBytes table() {
    return table;
  }

  /** .strtab. */
  LittleBytes names() {
    return names;
  }

  /** Index of the first symbol that is not local. */
  int locals() {
    return locals;
  }
}
