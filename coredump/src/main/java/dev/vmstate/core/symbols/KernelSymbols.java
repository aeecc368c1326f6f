package dev.vmstate.core.symbols;

import dev.vmstate.core.btf.Btf;
import dev.vmstate.core.btf.Structs;
import dev.vmstate.core.kallsyms.Kallsyms;
import dev.vmstate.core.kallsyms.KernelModules;
import dev.vmstate.core.kallsyms.SymbolTable;
import dev.vmstate.core.kernel.LinuxKernel;
import dev.vmstate.core.kernel.TypeLayout;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import org.jspecify.annotations.Nullable;

/**
 * The names and types of a running Linux kernel, out of its own memory. Modules are looked at when
 * they are asked for first.
 */
public final class KernelSymbols {
  private final LinuxKernel kernel;
  private final Kallsyms.Found kallsyms;
  private final Optional<Structs> types;
  private KernelModules.@Nullable Found modules;

  private KernelSymbols(LinuxKernel kernel, Kallsyms.Found kallsyms, Optional<Structs> types) {
    this.kernel = kernel;
    this.kallsyms = kallsyms;
    this.types = types;
  }

  /** Reads the tables in the image of {@code kernel}. */
  public static KernelSymbols of(LinuxKernel kernel) throws IOException {
    Kallsyms.Found kallsyms = Kallsyms.find(kernel.image());
    SymbolTable table = kallsyms.symbols().orElse(SymbolTable.EMPTY);
    Optional<Btf.Bounds> bounds = Optional.empty();
    OptionalLong start = table.address("__start_BTF");
    OptionalLong stop = table.address("__stop_BTF");
    if (start.isPresent() && stop.isPresent()) {
      bounds = Optional.of(new Btf.Bounds(start.getAsLong(), stop.getAsLong()));
    }
    return new KernelSymbols(kernel, kallsyms, Btf.find(kernel.image(), bounds).map(Structs::new));
  }

  /** Whose they are. */
  public LinuxKernel kernel() {
    return kernel;
  }

  /** The kernel's symbols without those of modules; none when it keeps no table. */
  public SymbolTable table() {
    return kallsyms.symbols().orElse(SymbolTable.EMPTY);
  }

  /** The run-time address of a symbol of the kernel's own. */
  public OptionalLong address(String name) {
    return table().address(name);
  }

  /** The kernel's types; empty when it was built without BTF. */
  public Optional<Structs> types() {
    return types;
  }

  /** The modules and their symbols. */
  public KernelModules.Found modules() throws IOException {
    if (modules == null) {
      modules =
          KernelModules.symbols(kernel.image(), table(), types.map(known -> (TypeLayout) known));
    }
    return modules;
  }

  /** Symbols of kernel and modules, in the order of {@code /proc/kallsyms}. */
  public SymbolTable all() throws IOException {
    return table().plus(modules().symbols());
  }

  /** What is missing, a line each. */
  public List<String> notes() throws IOException {
    List<String> notes = new ArrayList<>();
    if (kallsyms.symbols().isEmpty()) {
      notes.add("no symbols: " + kallsyms.report());
    }
    notes.addAll(kallsyms.notes());
    if (types.isEmpty()) {
      notes.add("no types: the kernel was built without BTF (CONFIG_DEBUG_INFO_BTF)");
    }
    if (modules != null) {
      notes.addAll(modules.notes());
    }
    return notes;
  }
}
