package dev.vmstate.core.symbols;

import dev.vmstate.bytes.FormatException;
import dev.vmstate.core.btf.Structs;
import dev.vmstate.core.dwarf.FrameTable;
import dev.vmstate.core.dwarf.FrameTable.Cfa;
import dev.vmstate.core.dwarf.FrameTable.Kind;
import dev.vmstate.core.dwarf.FrameTable.Rbp;
import dev.vmstate.core.kallsyms.KernelModule;
import dev.vmstate.core.kallsyms.SymbolTable;
import dev.vmstate.core.kernel.KernelMemory;
import dev.vmstate.memory.UnmappedAddressException;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * The kernel's own tables for unwinding (ORC) as .debug_frame: kernels without frame pointers have
 * nothing else, and a debugger that guesses from prologues loses its way after a few frames.
 */
final class OrcFrames {
  /** DWARF's numbers of ORC_REG_AX to ORC_REG_R13, from 1 on. */
  private static final int[] REGISTERS = {0, 1, 7, 6, 5, 10, 13};

  /** Of all tables; a kernel with everything built in has about a million. */
  private static final int MOST_ENTRIES = 4 << 20;

  /** What a million of them become. */
  private static final int MOST_BYTES = 32 << 20;

  private final GuestSymbols guest;
  private final KernelMemory memory;
  private final FrameTable out = new FrameTable();
  private final List<String> notes = new ArrayList<>();
  private int left = MOST_ENTRIES;

  private OrcFrames(GuestSymbols guest) {
    this.guest = guest;
    this.memory = guest.memory();
  }

  /**
   * The tables of kernel and modules.
   *
   * @param notes told what could not be read
   */
  static Optional<FrameTable> of(GuestSymbols guest, List<String> notes) throws IOException {
    Optional<OrcTable.Form> form = guest.types().flatMap(OrcTable.Form::of);
    if (form.isEmpty() || guest.memory().wordBytes() != 8) {
      return Optional.empty();
    }
    OrcFrames frames = new OrcFrames(guest);
    Optional<OrcTable> kernel = frames.kernel(form.get());
    if (kernel.isEmpty()) {
      return Optional.empty();
    }
    OrcTable.Form known = kernel.get().form();
    frames.rows("the kernel", kernel.get().in(known));
    for (KernelModule module : guest.modules()) {
      frames.module(known, module);
    }
    notes.addAll(frames.notes);
    return frames.out.entries() == 0 ? Optional.empty() : Optional.of(frames.out);
  }

  private Optional<OrcTable> kernel(OrcTable.Form form) throws IOException {
    SymbolTable symbols = guest.symbols();
    OptionalLong ip = symbols.address("__start_orc_unwind_ip");
    OptionalLong ipEnd = symbols.address("__stop_orc_unwind_ip");
    OptionalLong orc = symbols.address("__start_orc_unwind");
    if (ip.isEmpty() || ipEnd.isEmpty() || orc.isEmpty()) {
      return Optional.empty();
    }
    long count = (ipEnd.getAsLong() - ip.getAsLong()) / 4;
    return table("the kernel", form, ip.getAsLong(), orc.getAsLong(), count);
  }

  private void module(OrcTable.Form form, KernelModule module) throws IOException {
    Structs types = guest.types().orElseThrow();
    OptionalLong count = types.offset("module", "arch.num_orcs");
    OptionalLong ip = types.offset("module", "arch.orc_unwind_ip");
    OptionalLong orc = types.offset("module", "arch.orc_unwind");
    if (count.isEmpty() || ip.isEmpty() || orc.isEmpty()) {
      return;
    }
    try {
      String whose = "module " + module.name();
      Optional<OrcTable> table =
          table(
              whose,
              form,
              memory.u64(module.address() + ip.getAsLong()),
              memory.u64(module.address() + orc.getAsLong()),
              memory.u32(module.address() + count.getAsLong()));
      if (table.isPresent()) {
        rows(whose, table.get());
      }
    } catch (UnmappedAddressException e) {
      notes.add("no frames of module %s: %s".formatted(module.name(), e.getMessage()));
    }
  }

  private Optional<OrcTable> table(String whose, OrcTable.Form form, long ip, long orc, long count)
      throws IOException {
    try {
      OrcTable table = OrcTable.read(memory, form, ip, orc, count, left);
      left -= table.size();
      return Optional.of(table);
    } catch (FormatException | UnmappedAddressException e) {
      notes.add("no frames of %s: %s".formatted(whose, e.getMessage()));
      return Optional.empty();
    }
  }

  private void rows(String whose, OrcTable table) {
    for (int i = 0; i < table.size(); i++) {
      long address = table.address(i);
      if (i + 1 < table.size()) {
        long next = table.address(i + 1);
        if (next == address) {
          continue; // the end of a section, which is weaker than a start at the same place
        }
        if (Long.compareUnsigned(next, address) < 0) {
          notes.add("frames of %s: addresses do not ascend at entry %d".formatted(whose, i));
          out.end(address);
          return;
        }
      }
      row(table, i, address);
      if (out.bytes().size() > MOST_BYTES) {
        notes.add("frames of %s: too many, they end at entry %d".formatted(whose, i));
        out.end(address);
        left = 0;
        return;
      }
    }
    if (table.size() > 0) {
      out.end(table.address(table.size() - 1)); // what is last only says where code ends
    }
  }

  private void row(OrcTable table, int i, long address) {
    int type = table.type(i);
    Kind kind =
        switch (type) {
          case OrcTable.CALL -> Kind.CALL;
          case OrcTable.REGS -> Kind.REGS;
          case OrcTable.REGS_PARTIAL -> Kind.IRET;
          default -> Kind.END;
        };
    if (type == OrcTable.END_OF_STACK) {
      out.row(address, kind, false, Cfa.at(7, 0), Rbp.SAME, 0);
      return;
    }
    Optional<Cfa> cfa = cfa(table, i);
    if (kind == Kind.END || cfa.isEmpty()) {
      out.end(address);
      return;
    }
    Rbp rbp =
        switch (table.bpRegister(i)) {
          case OrcTable.PREV_SP -> Rbp.FROM_CFA;
          case OrcTable.BP -> Rbp.FROM_RBP;
          default -> Rbp.SAME;
        };
    out.row(address, kind, table.signal(i), cfa.get(), rbp, table.bpOffset(i));
  }

  private static Optional<Cfa> cfa(OrcTable table, int i) {
    int register = table.spRegister(i);
    int offset = table.spOffset(i);
    if (register == OrcTable.BP_INDIRECT) {
      return Optional.of(new Cfa(6, offset, true, 0));
    }
    if (register == OrcTable.SP_INDIRECT) {
      // Since 5.13, when the first code used it, the offset is added to what is read.
      return offset < 0 ? Optional.empty() : Optional.of(new Cfa(7, 0, true, offset));
    }
    return register >= 1 && register <= REGISTERS.length
        ? Optional.of(Cfa.at(REGISTERS[register - 1], offset))
        : Optional.empty();
  }
}
