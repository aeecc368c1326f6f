package dev.vmstate.core.kallsyms;

import dev.vmstate.core.kernel.KernelImage;
import dev.vmstate.core.kernel.KernelMemory;
import dev.vmstate.core.kernel.ListWalk;
import dev.vmstate.core.kernel.TypeLayout;
import dev.vmstate.memory.UnmappedAddressException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * The modules of the running kernel and their symbols, in the order and with the types {@code
 * /proc/kallsyms} prints. Source: kernel/module/kallsyms.c {@code module_get_kallsym}, {@code
 * add_kallsyms}, and kernel/kallsyms.c {@code s_show}.
 */
public final class KernelModules {
  /** MODULE_NAME_LEN, 56 on 64-bit kernels, 60 on others, 64 lately. */
  private static final int MOST_NAME = 64;

  /** KSYM_NAME_LEN. */
  private static final int MOST_SYMBOL = 512;

  /** Symbols looked at, unnamed ones too, over all modules. */
  private static final long MOST_SYMBOLS = 2_000_000;

  /** Symbols kept to recognise exports by, where there are no types. */
  private static final long MOST_COMPARED = 200_000;

  private static final int AT_ONCE = 1024;
  private static final int MODULE_STATE_UNFORMED = 3;

  private final KernelMemory memory;
  private final List<String> notes = new ArrayList<>();
  private final SymbolCollector symbols = new SymbolCollector();
  private final ModuleExports exports;
  private long left = MOST_SYMBOLS;

  /**
   * What was found.
   *
   * @param symbols of the modules alone, see {@link SymbolTable#plus}
   * @param modules in the order of the list, the youngest first
   * @param head address of the list's head; empty when it was not found
   * @param notes what is missing or broken, a line each
   */
  public record Found(
      SymbolTable symbols, List<KernelModule> modules, OptionalLong head, List<String> notes) {
    /** Copies the lists. */
    public Found {
      modules = List.copyOf(modules);
      notes = List.copyOf(notes);
    }
  }

  private KernelModules(KernelMemory memory) {
    this.memory = memory;
    exports = new ModuleExports(memory);
  }

  /**
   * Reads the modules of {@code image}'s kernel.
   *
   * @param vmlinux what {@link Kallsyms#find} found
   * @param types of the kernel; without, the structures are recognised by what is in them
   */
  public static Found symbols(KernelImage image, SymbolTable vmlinux, Optional<TypeLayout> types)
      throws IOException {
    return new KernelModules(image.memory()).read(image, vmlinux, types);
  }

  private Found read(KernelImage image, SymbolTable vmlinux, Optional<TypeLayout> types)
      throws IOException {
    OptionalLong head = vmlinux.address("modules");
    if (head.isEmpty()) {
      head = ModuleList.find(image);
    }
    List<KernelModule> modules = new ArrayList<>();
    if (head.isEmpty()) {
      notes.add("no modules: no symbol says where their list is, and nothing looks like it");
    } else {
      modules.addAll(modules(head.getAsLong(), types));
    }
    PseudoModules.add(memory, vmlinux, types, symbols, notes);
    return new Found(symbols.table(), modules, head, notes);
  }

  private List<KernelModule> modules(long head, Optional<TypeLayout> types) throws IOException {
    ListWalk walk = ListWalk.of(memory, head);
    walk.fault().ifPresent(why -> notes.add("the list of modules " + why));
    if (walk.entries().isEmpty()) {
      return List.of();
    }
    Optional<ModuleLayout> known = types.flatMap(ModuleLayout::of);
    Optional<ModuleLayout> layout =
        known.isPresent() ? known : ModuleLayout.guess(memory, walk.entries());
    if (layout.isEmpty()) {
      notes.add(
          "no symbols of %d modules: the kernel's types are not known, and struct module is not as"
                  .formatted(walk.entries().size())
              + " in other kernels");
      return List.of();
    }
    List<KernelModule> modules = new ArrayList<>();
    for (long entry : walk.entries()) {
      module(entry - layout.get().list(), layout.get()).ifPresent(modules::add);
    }
    ModuleLayout used =
        layout.get().syms().isPresent() ? layout.get() : withExports(layout.get(), modules);
    for (KernelModule module : modules) {
      collect(module, used);
    }
    return modules;
  }

  private ModuleLayout withExports(ModuleLayout layout, List<KernelModule> modules)
      throws IOException {
    int said = notes.size();
    long all = left;
    left = MOST_COMPARED;
    List<Map<String, Long>> symbolsOfEach = new ArrayList<>();
    for (KernelModule module : modules) {
      Map<String, Long> own = new HashMap<>();
      each(
          module,
          layout,
          (name, type, address) -> {
            own.put(name, address);
            left -= name.length() / 64; // long ones take more memory
            return left > 0;
          });
      symbolsOfEach.add(own);
    }
    left = all;
    notes.subList(said, notes.size()).clear(); // they come again
    return exports.guess(layout, modules, symbolsOfEach);
  }

  private Optional<KernelModule> module(long address, ModuleLayout layout) throws IOException {
    try {
      if (memory.u32(address + layout.state()) == MODULE_STATE_UNFORMED) {
        return Optional.empty(); // the kernel passes over it too
      }
      String name = memory.string(address + layout.name(), MOST_NAME);
      if (!ModuleList.isName(name)) {
        notes.add("a module at 0x%x has no name".formatted(address));
        return Optional.empty();
      }
      long kallsyms = memory.word(address + layout.kallsyms());
      return Optional.of(new KernelModule(name, address, kallsyms));
    } catch (UnmappedAddressException broken) {
      notes.add("a module at 0x%x: %s".formatted(address, broken.getMessage()));
      return Optional.empty();
    }
  }

  private void collect(KernelModule module, ModuleLayout layout) throws IOException {
    Map<String, Long> exported = exports.of(module.address(), layout);
    boolean complete =
        symbols.module(module.name())
            && each(
                module,
                layout,
                (name, type, address) -> {
                  Long at = exported.get(name);
                  boolean capital = at != null && at == address;
                  char shown = capital ? Character.toUpperCase(type) : Character.toLowerCase(type);
                  return symbols.add(name, shown, address);
                });
    if (!complete) {
      notes.add("symbols of module %s left out: there are too many".formatted(module.name()));
    }
  }

  private interface Visitor {
    /** False when it wants no more. */
    boolean symbol(String name, char type, long address);
  }

  /** False when it ended early. */
  private boolean each(KernelModule module, ModuleLayout layout, Visitor visitor)
      throws IOException {
    int word = memory.wordBytes();
    int size = ModuleLayout.symbolBytes(word);
    try {
      long symtab = memory.word(module.kallsyms());
      long count = memory.u32(module.kallsyms() + layout.numSymtab());
      long strtab = memory.word(module.kallsyms() + layout.strtab());
      long typetab =
          layout.typetab().isEmpty()
              ? 0
              : memory.word(module.kallsyms() + layout.typetab().getAsLong());
      for (long from = 0; from < count; from += AT_ONCE) {
        int part = (int) Math.min(AT_ONCE, count - from);
        left -= part;
        if (left < 0) {
          return false;
        }
        ByteBuffer bytes =
            ByteBuffer.wrap(memory.bytes(symtab + from * size, part * size))
                .order(ByteOrder.LITTLE_ENDIAN);
        for (int i = 0; i < part; i++) {
          int at = i * size;
          String name = memory.string(strtab + (bytes.getInt(at) & 0xffff_ffffL), MOST_SYMBOL);
          if (name.isEmpty()) {
            continue;
          }
          long address = word == 8 ? bytes.getLong(at + 8) : bytes.getInt(at + 4) & 0xffff_ffffL;
          char type =
              typetab == 0 ? ownType(bytes, at, word) : (char) memory.u8(typetab + from + i);
          if (!visitor.symbol(name, type, address)) {
            return false;
          }
        }
      }
    } catch (UnmappedAddressException broken) {
      notes.add("symbols of module %s: %s".formatted(module.name(), broken.getMessage()));
    }
    return true;
  }

  /** Before 5.2 the kernel wrote the type over st_info (to 4.20) or st_size (5.0, 5.1). */
  private static char ownType(ByteBuffer symbol, int at, int word) {
    int info = symbol.get(at + (word == 8 ? 4 : 12)) & 0xff;
    int size = symbol.get(at + (word == 8 ? 16 : 8)) & 0xff;
    // As the linker left it, st_info has a binding of 0 to 2 in its upper half: no letter.
    int type = info >= 'A' ? info : size;
    return Character.isLetter(type) && type < 0x80 ? (char) type : '?';
  }
}
