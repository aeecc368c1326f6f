package dev.vmstate.core.symbols;

import dev.vmstate.core.btf.Btf;
import dev.vmstate.core.btf.BtfKind;
import dev.vmstate.core.btf.ModuleBtfs.ModuleBtf;
import dev.vmstate.core.dwarf.DebugInfo;
import dev.vmstate.core.dwarf.FrameTable;
import dev.vmstate.core.dwarf.LittleBytes;
import dev.vmstate.core.kallsyms.KernelSymbol;
import dev.vmstate.core.kallsyms.SymbolTable;
import dev.vmstate.core.symbols.KernelSections.Section;
import java.io.IOException;
import java.io.OutputStream;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * An ELF file like vmlinux that has the symbols of kallsyms, at the addresses where they are in the
 * running kernel, and debugging information made of its BTF. A debugger takes it instead of a debug
 * package; memory comes from the core.
 */
public final class KernelElf {
  /** C promises 127; many functions can share a prototype that was made to be long. */
  private static final int MOST_PARAMETERS = 127;

  private final GuestSymbols guest;
  private final SymbolTable symbols;
  private final List<Section> sections;
  private final ElfSymbols table;
  private final DebugInfo debug;
  private final boolean wide;

  /**
   * What is in the file.
   *
   * @param symbols lines of kallsyms
   * @param types entries of types
   * @param functions of those symbols, those with parameters
   * @param variables of those symbols, those with a type
   * @param frames entries that say how to find callers
   * @param notes what could not be made, a line each
   */
  public record Counts(
      int symbols, int types, int functions, int variables, int frames, List<String> notes) {
    public Counts {
      notes = List.copyOf(notes);
    }
  }

  private KernelElf(GuestSymbols guest) {
    this.guest = guest;
    this.symbols = guest.symbols();
    this.wide = guest.memory().wordBytes() == 8;
    int[] order = ElfSymbols.order(symbols);
    this.sections = KernelSections.of(symbols, order);
    this.table = new ElfSymbols(symbols, order, sections, wide);
    this.debug = new DebugInfo(wide ? 8 : 4);
  }

  /** Writes the file of {@code guest}. */
  public static Counts write(GuestSymbols guest, OutputStream out) throws IOException {
    KernelElf elf = new KernelElf(guest);
    elf.types();
    List<String> notes = new ArrayList<>();
    Optional<Frames> frames = elf.frames(notes);
    elf.file(frames.map(Frames::bytes), out);
    return new Counts(
        guest.symbols().size(),
        elf.debug.types(),
        elf.debug.functions(),
        elf.debug.variables(),
        frames.map(Frames::entries).orElse(0),
        notes);
  }

  /** A .debug_frame. */
  private record Frames(LittleBytes bytes, int entries) {}

  /** By the kernel's own tables, or by its frame pointers. */
  private Optional<Frames> frames(List<String> notes) throws IOException {
    Optional<FrameTable> orc = OrcFrames.of(guest, notes);
    return orc.isPresent()
        ? orc.map(frames -> new Frames(frames.bytes(), frames.entries()))
        : CodeFrames.of(guest, table).map(frames -> new Frames(frames.bytes(), frames.entries()));
  }

  /** The kernel's variables whose type is known; {@code guest} has types. */
  static List<DebugInfo.Variable> variables(GuestSymbols guest) {
    KernelElf elf = new KernelElf(guest);
    return new TypedVariables(guest, elf.sections, elf.table).all();
  }

  private void types() {
    if (guest.types().isEmpty()) {
      return;
    }
    Btf kernel = guest.types().get().btf();
    unit("vmlinux", "", kernel, new TypedVariables(guest, sections, table).all());
    for (ModuleBtf module : guest.moduleTypes()) {
      unit(module.module() + ".ko", module.module(), module.btf(), List.of());
    }
  }

  private void unit(String name, String module, Btf btf, List<DebugInfo.Variable> variables) {
    List<DebugInfo.Function> functions = functions(module, btf);
    debug.unit(name, btf, functions, variables, ranges(functions));
  }

  /**
   * Functions whose parameters are known: FUNC and symbol have the same name. A name that several
   * static functions have is left alone: BTF has one of them and does not say which. An address
   * with two names gets one.
   */
  private List<DebugInfo.Function> functions(String module, Btf btf) {
    List<DebugInfo.Function> functions = new ArrayList<>();
    Set<Long> taken = new HashSet<>();
    Set<String> names = new HashSet<>();
    for (int id = btf.start(); id < btf.count(); id++) {
      if (btf.kind(id) != BtfKind.FUNC
          || btf.kind(btf.type(id)) != BtfKind.FUNC_PROTO
          || btf.vlen(btf.type(id)) > MOST_PARAMETERS
          || !names.add(btf.name(id))) {
        continue;
      }
      KernelSymbol only = null;
      int found = 0;
      for (KernelSymbol symbol : symbols.all(btf.name(id))) {
        if (symbol.module().equals(module) && KernelSections.isCode(symbol.type())) {
          only = symbol;
          found++;
        }
      }
      if (only == null || found > 1) {
        continue;
      }
      int index = KernelSections.indexAt(sections, only.address());
      if (index >= 0 && sections.get(index).code() && taken.add(only.address())) {
        long end = table.end(only.address(), sections.get(index));
        if (Long.compareUnsigned(end, only.address()) > 0) {
          boolean external = only.type() < 'a';
          functions.add(new DebugInfo.Function(id, only.address(), end, external));
        }
      }
    }
    functions.sort(Comparator.comparing(DebugInfo.Function::start, Long::compareUnsigned));
    return functions;
  }

  /** One range for the functions of each section. */
  private List<long[]> ranges(List<DebugInfo.Function> functions) {
    List<long[]> ranges = new ArrayList<>();
    int last = -1;
    for (DebugInfo.Function function : functions) {
      int section = KernelSections.indexAt(sections, function.start());
      if (section != last) {
        ranges.add(new long[] {function.start(), function.end()});
        last = section;
      }
      ranges.get(ranges.size() - 1)[1] = function.end();
    }
    return ranges;
  }

  private void file(Optional<LittleBytes> frames, OutputStream out) throws IOException {
    ElfFile file = new ElfFile(wide);
    long left = SectionBytes.MOST_BYTES;
    for (Section section : sections) {
      ElfFile.Contents contents = SectionBytes.of(guest.memory(), section, left);
      left -= contents == null ? 0 : section.end() - section.start();
      file.memory(section, contents);
    }
    int symtab = file.next();
    file.bytes(
        ".symtab", ElfFile.SYMTAB, table.table(), symtab + 1, table.locals(), wide ? 24 : 16);
    file.bytes(".strtab", ElfFile.STRTAB, table.names(), 0, 0, 0);
    if (debug.info().size() > 0) {
      file.bytes(".debug_info", ElfFile.PROGBITS, debug.info(), 0, 0, 0);
      file.bytes(".debug_abbrev", ElfFile.PROGBITS, debug.abbreviations(), 0, 0, 0);
      file.bytes(".debug_str", ElfFile.PROGBITS, debug.strings(), 0, 0, 0);
      if (debug.ranges().size() > 0) {
        file.bytes(".debug_ranges", ElfFile.PROGBITS, debug.ranges(), 0, 0, 0);
      }
    }
    if (frames.isPresent()) {
      file.bytes(".debug_frame", ElfFile.PROGBITS, frames.get(), 0, 0, 0);
    }
    // crash compares the core's banner with what strings(1) finds in the file.
    LittleBytes comment = new LittleBytes();
    comment.string(guest.kernel().banner());
    file.bytes(".comment", ElfFile.PROGBITS, comment, 0, 0, 0);
    file.writeTo(out);
  }
}
