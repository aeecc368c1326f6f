package dev.vmstate.core.symbols;

import dev.vmstate.core.btf.ModuleBtfs;
import dev.vmstate.core.btf.ModuleBtfs.ModuleBtf;
import dev.vmstate.core.btf.Structs;
import dev.vmstate.core.kallsyms.KernelModule;
import dev.vmstate.core.kallsyms.SymbolTable;
import dev.vmstate.core.kernel.KernelMemory;
import dev.vmstate.core.kernel.LinuxKernel;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * Everything a running Linux says of its own names and types, with its modules.
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

  /** All of what {@code names} has. */
  public static GuestSymbols of(KernelSymbols names) throws IOException {
    SymbolTable all = names.all();
    List<String> notes = new ArrayList<>(names.notes());
    List<ModuleBtf> moduleTypes = List.of();
    OptionalLong head = names.address("btf_modules");
    if (names.types().isPresent() && head.isPresent()) {
      ModuleBtfs.Result result =
          ModuleBtfs.find(names.kernel().image().memory(), names.types().get(), head.getAsLong());
      moduleTypes = result.tables();
      notes.addAll(result.notes());
    }
    return new GuestSymbols(
        names.kernel(), all, names.types(), names.modules().modules(), moduleTypes, notes);
  }

  /** The kernel's memory. */
  public KernelMemory memory() {
    return kernel.image().memory();
  }
}
