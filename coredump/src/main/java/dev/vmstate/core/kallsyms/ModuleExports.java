package dev.vmstate.core.kallsyms;

import dev.vmstate.core.kernel.KernelMemory;
import dev.vmstate.memory.UnmappedAddressException;
import java.io.IOException;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * What a module exports: {@code /proc/kallsyms} writes the types of these in capitals. Only {@code
 * syms} counts, {@code gpl_syms} does not (kernel/module/kallsyms.c, {@code is_exported}).
 */
final class ModuleExports {
  private static final int MOST = 65_536;

  /** Names read over all modules; kernels have some thousands. */
  private static final int MOST_READ = 1_000_000;

  private static final int MOST_NAME = 512;

  private final KernelMemory memory;
  private int left = MOST_READ;

  ModuleExports(KernelMemory memory) {
    this.memory = memory;
  }

  /** Names and addresses; those that can be read, where the table is broken. */
  Map<String, Long> of(long module, ModuleLayout layout) throws IOException {
    Map<String, Long> exports = new HashMap<>();
    if (layout.syms().isPresent()) {
      try {
        long syms = memory.word(module + layout.syms().getAsLong());
        long count = Math.min(MOST, memory.u32(module + layout.numSyms()));
        for (long i = 0; i < count && left-- > 0; i++) {
          long entry = syms + i * layout.exportBytes();
          exports.put(name(entry, layout), value(entry, layout));
        }
      } catch (UnmappedAddressException broken) {
        return exports;
      }
    }
    return exports;
  }

  /**
   * Finds the table without types: a pointer to entries, a pointer to checksums, a count; the
   * entries sorted by name, and what they say agrees with the module's own symbols. GPL-only ones
   * look the same but come later in the structure, so the first over all modules is it.
   *
   * @param symbols names and addresses of each module's symbols
   */
  ModuleLayout guess(
      ModuleLayout layout, List<KernelModule> modules, List<Map<String, Long>> symbols)
      throws IOException {
    int word = memory.wordBytes();
    Optional<ModuleLayout> best = Optional.empty();
    for (int i = 0; i < modules.size(); i++) {
      long end =
          Math.min(
              layout.kallsyms(), best.isEmpty() ? Long.MAX_VALUE : best.get().syms().getAsLong());
      for (long at = layout.name() + 8L * word; at < end; at += word) {
        Optional<ModuleLayout> found = tryAt(layout, modules.get(i).address(), at, symbols.get(i));
        if (found.isPresent()) {
          best = found;
          break;
        }
      }
    }
    return best.orElse(layout);
  }

  private Optional<ModuleLayout> tryAt(
      ModuleLayout layout, long module, long at, Map<String, Long> symbols) throws IOException {
    int word = memory.wordBytes();
    // Behind it stand a pointer to checksums, from 7.0 on one to flags, and the count. With a name
    // space of its own (5.4 and later) an entry is half as large again.
    for (int pointers = 2; pointers <= 3; pointers++) {
      long count = at + (long) pointers * word;
      for (int parts = 3; parts >= 2; parts--) {
        ModuleLayout relative = layout.withExports(at, count, parts * 4L, 4, true);
        if (agrees(relative, module, symbols)) {
          return Optional.of(relative);
        }
        ModuleLayout whole = layout.withExports(at, count, (long) parts * word, word, false);
        if (agrees(whole, module, symbols)) {
          return Optional.of(whole);
        }
      }
    }
    return Optional.empty();
  }

  private boolean agrees(ModuleLayout layout, long module, Map<String, Long> symbols)
      throws IOException {
    try {
      long syms = memory.word(module + layout.syms().getAsLong());
      long count = memory.u32(module + layout.numSyms());
      if (syms == 0 || count == 0 || count > MOST) {
        return false;
      }
      int same = 0;
      String before = "";
      for (long i = 0; i < count; i++) {
        String name = name(syms + i * layout.exportBytes(), layout);
        if (name.compareTo(before) <= 0 || left-- <= 0) {
          return false;
        }
        Long address = symbols.get(name);
        same +=
            address != null && address == value(syms + i * layout.exportBytes(), layout) ? 1 : 0;
        before = name;
      }
      return same > 0;
    } catch (UnmappedAddressException other) {
      return false;
    }
  }

  private String name(long entry, ModuleLayout layout) throws IOException {
    long place = entry + layout.exportName();
    return memory.string(layout.relative() ? relative(place) : memory.word(place), MOST_NAME);
  }

  private long value(long entry, ModuleLayout layout) throws IOException {
    return layout.relative() ? relative(entry) : memory.word(entry);
  }

  private long relative(long place) throws IOException {
    long value = place + (int) memory.u32(place);
    return memory.wordBytes() == 8 ? value : value & 0xffff_ffffL;
  }
}
