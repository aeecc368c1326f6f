package dev.vmstate.core.symbols;

import dev.vmstate.core.btf.Structs;
import dev.vmstate.core.kallsyms.KallsymsPlace;
import dev.vmstate.core.kernel.KernelMemory;
import dev.vmstate.core.kernel.LinuxKernel;
import dev.vmstate.core.vmcoreinfo.GuestVmcoreinfo;
import dev.vmstate.core.vmcoreinfo.KernelFacts;
import dev.vmstate.core.vmcoreinfo.MadeVmcoreinfo;
import dev.vmstate.core.vmcoreinfo.Vmcoreinfo;
import dev.vmstate.core.vmcoreinfo.VmcoreinfoSource;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Optional;
import java.util.OptionalLong;

/** Makes the VMCOREINFO of a kernel that has none, of its symbols and types. */
public final class SymbolsVmcoreinfo implements VmcoreinfoSource {
  @Override
  public Optional<GuestVmcoreinfo> of(LinuxKernel kernel) throws IOException {
    return of(GuestSymbols.find(kernel));
  }

  /** The same where the symbols were read already; empty when they have not even a start. */
  public static Optional<GuestVmcoreinfo> of(GuestSymbols symbols) throws IOException {
    String text = MadeVmcoreinfo.text(new Facts(symbols));
    String from = symbols.types().isPresent() ? "its symbols and types" : "its symbols alone";
    return Vmcoreinfo.of(text.getBytes(StandardCharsets.ISO_8859_1))
        .map(info -> new GuestVmcoreinfo(info, "made of " + from, true));
  }

  private record Facts(GuestSymbols symbols) implements KernelFacts {
    @Override
    public String release() {
      return symbols.kernel().release();
    }

    @Override
    public KernelMemory memory() {
      return symbols.kernel().image().memory();
    }

    @Override
    public long physBase() {
      return symbols.kernel().physBase();
    }

    @Override
    public long kernelOffset() {
      return symbols.kernel().kernelOffset();
    }

    @Override
    public int pagingLevels() {
      return symbols.kernel().levels();
    }

    @Override
    public OptionalLong symbol(String name) {
      return symbols.symbols().address(name);
    }

    @Override
    public OptionalLong symbolTable(String name) {
      Optional<KallsymsPlace> place = symbols.symbols().place();
      return place.isPresent() ? of(place.get(), name) : OptionalLong.empty();
    }

    private static OptionalLong of(KallsymsPlace place, String name) {
      return switch (name) {
        case "kallsyms_names" -> OptionalLong.of(place.names());
        case "kallsyms_num_syms" -> OptionalLong.of(place.numSyms());
        case "kallsyms_token_table" -> OptionalLong.of(place.tokenTable());
        case "kallsyms_token_index" -> OptionalLong.of(place.tokenIndex());
        case "kallsyms_offsets" -> place.offsets();
        case "kallsyms_relative_base" -> place.relativeBase();
        default -> OptionalLong.empty();
      };
    }

    @Override
    public Optional<Structs> types() {
      return symbols.types();
    }
  }
}
