package dev.vmstate.core.kallsyms;

import dev.vmstate.core.kernel.KernelMemory;
import dev.vmstate.core.kernel.TypeLayout;
import dev.vmstate.memory.UnmappedAddressException;
import java.io.IOException;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * Offsets in {@code struct module} and its parts: from the kernel's types, or, where a kernel has
 * none (Debian's for i386), from what never moved and what can be seen: state, list and name come
 * first; a module that has started points to the {@code core_kallsyms} right behind the pointer, in
 * which the names follow the symbols.
 *
 * @param kallsyms of the pointer in {@code struct module}
 * @param strtab in {@code struct mod_kallsyms}; the symbols' address is at its start
 * @param typetab likewise; empty before 5.2, when types stood in the symbols
 * @param syms of the pointer to the exported symbols; empty when not known
 * @param exportBytes of {@code struct kernel_symbol}
 * @param exportName in it
 * @param relative whether value and name in it are s32, counted from where they stand
 */
record ModuleLayout(
    long state,
    long list,
    long name,
    long kallsyms,
    long numSymtab,
    long strtab,
    OptionalLong typetab,
    OptionalLong syms,
    long numSyms,
    long exportBytes,
    long exportName,
    boolean relative) {
  /** Its size changes with the configuration; with lock debugging it is largest. */
  private static final int MOST_BYTES = 4096;

  /** Modules that are looked at. */
  private static final int MOST_SEEN = 256;

  static Optional<ModuleLayout> of(TypeLayout types) {
    OptionalLong list = types.offset("module", "list");
    OptionalLong kallsyms = types.offset("module", "kallsyms");
    OptionalLong numSymtab = types.offset("mod_kallsyms", "num_symtab");
    OptionalLong strtab = types.offset("mod_kallsyms", "strtab");
    if (list.isEmpty() || kallsyms.isEmpty() || numSymtab.isEmpty() || strtab.isEmpty()) {
      return Optional.empty();
    }
    OptionalLong bytes = types.size("kernel_symbol");
    OptionalLong numSyms = types.offset("module", "num_syms");
    OptionalLong relative = types.offset("kernel_symbol", "name_offset");
    OptionalLong name = relative.isPresent() ? relative : types.offset("kernel_symbol", "name");
    boolean exports = bytes.isPresent() && numSyms.isPresent() && name.isPresent();
    return Optional.of(
        new ModuleLayout(
            types.offset("module", "state").orElse(0),
            list.getAsLong(),
            types.offset("module", "name").orElse(-1),
            kallsyms.getAsLong(),
            numSymtab.getAsLong(),
            strtab.getAsLong(),
            types.offset("mod_kallsyms", "typetab"),
            exports ? types.offset("module", "syms") : OptionalLong.empty(),
            numSyms.orElse(0),
            bytes.orElse(0),
            name.orElse(0),
            relative.isPresent()));
  }

  /** Looks at the modules on the list; empty when they look like nothing known. */
  static Optional<ModuleLayout> guess(KernelMemory memory, List<Long> all) throws IOException {
    List<Long> entries = all.subList(0, Math.min(MOST_SEEN, all.size()));
    int word = memory.wordBytes();
    for (int at = 8 * word; at < MOST_BYTES; at += word) {
      int count = 0;
      boolean types = true;
      for (long entry : entries) {
        long kallsyms = entry - word + at;
        try {
          if (memory.word(kallsyms) != kallsyms + word) {
            continue;
          }
          long symtab = memory.word(kallsyms + word);
          long number = memory.u32(kallsyms + 2L * word);
          long strtab = memory.word(kallsyms + 3L * word);
          if (symtab != 0 && strtab == symtab + number * symbolBytes(word)) {
            count++;
            types &= memory.word(kallsyms + 4L * word) - strtab - number > 0;
            types &= memory.word(kallsyms + 4L * word) - strtab < 1 << 24;
          }
        } catch (UnmappedAddressException outside) {
          // the structure is shorter than what is tried
        }
      }
      if (count > 0 && count >= entries.size() / 2) {
        OptionalLong typetab = types ? OptionalLong.of(3L * word) : OptionalLong.empty();
        return Optional.of(
            new ModuleLayout(
                0,
                word,
                3L * word,
                at,
                word,
                2L * word,
                typetab,
                OptionalLong.empty(),
                0,
                0,
                0,
                false));
      }
    }
    return Optional.empty();
  }

  /** The same, with the exported symbols known too. */
  ModuleLayout withExports(
      long syms, long numSyms, long exportBytes, long exportName, boolean relative) {
    return new ModuleLayout(
        state,
        list,
        name,
        kallsyms,
        numSymtab,
        strtab,
        typetab,
        OptionalLong.of(syms),
        numSyms,
        exportBytes,
        exportName,
        relative);
  }

  /** Bytes of an ELF symbol. */
  static int symbolBytes(int word) {
    return word == 8 ? 24 : 16;
  }
}
