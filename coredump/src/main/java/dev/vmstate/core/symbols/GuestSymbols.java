package dev.vmstate.core.symbols;

import dev.vmstate.core.btf.Btf;
import dev.vmstate.core.btf.ModuleBtfs;
import dev.vmstate.core.btf.ModuleBtfs.ModuleBtf;
import dev.vmstate.core.btf.Structs;
import dev.vmstate.core.kallsyms.Kallsyms;
import dev.vmstate.core.kallsyms.KernelModule;
import dev.vmstate.core.kallsyms.KernelModules;
import dev.vmstate.core.kallsyms.SymbolTable;
import dev.vmstate.core.kernel.KernelMemory;
import dev.vmstate.core.kernel.LinuxKernel;
import dev.vmstate.core.kernel.TypeLayout;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * Everything a running Linux says of its own names and types.
 *
 * @param kernel where it stands
 * @param symbols of kernel and modules, in the order of {@code /proc/kallsyms}; {@link
 *     SymbolTable#EMPTY} when it has none
 * @param types the kernel's, empty without BTF
 * @param modules loaded, the youngest first
 * @param moduleTypes of modules, over the kernel's
 * @param notes what is missing, a line each
 */
public record GuestSymbols(
    LinuxKernel kernel,
    SymbolTable symbols,
    Optional<Structs> types,
    List<KernelModule> modules,
    List<ModuleBtf> moduleTypes,
    List<String> notes) {
  public GuestSymbols {
    modules = List.copyOf(modules);
    moduleTypes = List.copyOf(moduleTypes);
    notes = List.copyOf(notes);
  }

  /**
   * Looks in the image of {@code kernel} alone: names and types of the kernel proper, no module's.
   * Takes half the time.
   */
  public static GuestSymbols ofImage(LinuxKernel kernel) throws IOException {
    Kallsyms.Found found = Kallsyms.find(kernel.image());
    List<String> notes = new ArrayList<>(found.notes());
    if (found.symbols().isEmpty()) {
      notes.add(found.report());
    }
    SymbolTable symbols = found.symbols().orElse(SymbolTable.EMPTY);
    Optional<Structs> types = Btf.find(kernel.image(), bounds(symbols)).map(Structs::new);
    return new GuestSymbols(kernel, symbols, types, List.of(), List.of(), notes);
  }

  /** Looks in the image of {@code kernel}, and in the memory of its modules. */
  public static GuestSymbols find(LinuxKernel kernel) throws IOException {
    GuestSymbols image = ofImage(kernel);
    List<String> notes = new ArrayList<>(image.notes());
    SymbolTable symbols = image.symbols();
    Optional<Structs> types = image.types();
    KernelModules.Found modules =
        KernelModules.symbols(kernel.image(), symbols, types.map(known -> (TypeLayout) known));
    notes.addAll(modules.notes());
    List<ModuleBtf> moduleTypes = List.of();
    OptionalLong head = symbols.address("btf_modules");
    if (types.isEmpty()) {
      notes.add("no types: the kernel's image has no BTF (CONFIG_DEBUG_INFO_BTF is off)");
    } else if (head.isPresent()) {
      ModuleBtfs.Result result =
          ModuleBtfs.find(kernel.image().memory(), types.get(), head.getAsLong());
      moduleTypes = result.tables();
      notes.addAll(result.notes());
    }
    return new GuestSymbols(
        kernel, symbols.plus(modules.symbols()), types, modules.modules(), moduleTypes, notes);
  }

  private static Optional<Btf.Bounds> bounds(SymbolTable symbols) {
    OptionalLong start = symbols.address("__start_BTF");
    OptionalLong stop = symbols.address("__stop_BTF");
    return start.isPresent() && stop.isPresent()
        ? Optional.of(new Btf.Bounds(start.getAsLong(), stop.getAsLong()))
        : Optional.empty();
  }

  /** The kernel's memory. */
  public KernelMemory memory() {
    return kernel.image().memory();
  }
}
