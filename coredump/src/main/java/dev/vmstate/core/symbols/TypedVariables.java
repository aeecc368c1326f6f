package dev.vmstate.core.symbols;

import dev.vmstate.core.btf.Btf;
import dev.vmstate.core.btf.BtfKind;
import dev.vmstate.core.btf.Structs;
import dev.vmstate.core.dwarf.DebugInfo.Variable;
import dev.vmstate.core.kallsyms.KernelSymbol;
import dev.vmstate.core.kallsyms.SymbolTable;
import dev.vmstate.core.kernel.KernelMemory;
import dev.vmstate.core.symbols.KernelSections.Section;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;

/** The kernel's variables with a type: those BTF has, then those {@link KnownVariables} has. */
final class TypedVariables {
  private static final String PER_CPU_SECTION = ".data..percpu";

  /** Bytes of text; more than any array of characters but the log. */
  private static final int MOST_TEXT = 4096;

  private final KernelMemory memory;
  private final SymbolTable symbols;
  private final Structs types;
  private final Btf btf;
  private final List<Section> sections;
  private final ElfSymbols table;
  private final List<Variable> all = new ArrayList<>();
  private final Set<String> names = new HashSet<>();
  private final Map<String, Optional<KernelSymbol>> looked = new HashMap<>();

  TypedVariables(GuestSymbols guest, List<Section> sections, ElfSymbols table) {
    this.memory = guest.memory();
    this.symbols = guest.symbols();
    this.types = guest.types().orElseThrow();
    this.btf = types.btf();
    this.sections = sections;
    this.table = table;
  }

  List<Variable> all() {
    for (int id = 1; id < btf.count(); id++) {
      if (btf.kind(id) == BtfKind.DATASEC) {
        section(id);
      }
    }
    KnownVariables.forEach(btf, this::known);
    memSection();
    return all;
  }

  /** Variables of a section: where their symbol says; without one, only those of each CPU. */
  private void section(int id) {
    boolean perCpu = btf.name(id).equals(PER_CPU_SECTION);
    OptionalLong start = symbols.address("__per_cpu_start");
    for (int i = 0; i < btf.vlen(id); i++) {
      int variable = btf.elementType(id, i);
      if (btf.kind(variable) != BtfKind.VAR) {
        continue;
      }
      String name = btf.name(variable);
      Optional<KernelSymbol> symbol = only(name);
      OptionalLong address =
          symbol.isPresent() ? OptionalLong.of(symbol.get().address()) : OptionalLong.empty();
      if (perCpu && start.isPresent()) {
        address = OptionalLong.of(start.getAsLong() + btf.variableOffset(id, i));
      }
      if (address.isPresent() && names.add(name)) {
        all.add(
            new Variable(
                name, btf.type(variable), 0, -1, address.getAsLong(), btf.linkage(variable) == 1));
      }
    }
  }

  /** The kernel's symbol of that name, when there is one and no other. */
  private Optional<KernelSymbol> only(String name) {
    return looked.computeIfAbsent(name, this::find);
  }

  private Optional<KernelSymbol> find(String name) {
    KernelSymbol found = null;
    for (KernelSymbol symbol : symbols.all(name)) {
      if (symbol.module().isEmpty()) {
        if (found != null) {
          return Optional.empty();
        }
        found = symbol;
      }
    }
    return Optional.ofNullable(found);
  }

  private void known(KnownVariables.Known known) {
    Optional<KernelSymbol> symbol = only(known.name());
    if (symbol.isEmpty() || symbol.get().isAbsolute() || !names.add(known.name())) {
      return;
    }
    long elements = -1;
    long address = symbol.get().address();
    if (known.array()) {
      OptionalLong size =
          known.pointers() > 0 ? OptionalLong.of(types.pointerBytes()) : types.size(known.type());
      elements = size.isEmpty() || size.getAsLong() == 0 ? 0 : room(address) / size.getAsLong();
      if (size.isPresent() && size.getAsLong() == 1 && elements > MOST_TEXT) {
        elements = text(address);
      }
    }
    all.add(
        new Variable(
            known.name(),
            known.type(),
            known.pointers(),
            elements,
            address,
            symbol.get().type() < 'a'));
  }

  /** Of a string its bytes: behind linux_banner the next symbol may be a megabyte away. */
  private long text(long address) {
    try {
      return memory.string(address, MOST_TEXT).length() + 1L;
    } catch (IOException unmapped) {
      return 0;
    }
  }

  private void memSection() {
    Optional<KernelSymbol> symbol = only("mem_section");
    if (symbol.isPresent()) {
      KnownVariables.memSection(btf, room(symbol.get().address())).ifPresent(this::known);
    }
  }

  /** Bytes up to the next symbol. */
  private long room(long address) {
    int index = KernelSections.indexAt(sections, address);
    return index < 0 ? 0 : table.end(address, sections.get(index)) - address;
  }
}
