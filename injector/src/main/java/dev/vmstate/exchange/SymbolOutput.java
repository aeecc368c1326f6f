package dev.vmstate.exchange;

import dev.vmstate.bytes.Progress;
import dev.vmstate.core.kernel.LinuxKernel;
import dev.vmstate.core.symbols.GuestSymbols;
import dev.vmstate.core.symbols.KernelElf;
import dev.vmstate.snapshot.Snapshot;
import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Path;
import java.util.Optional;

/** Symbols and types of the kernel in a snapshot, as a file. */
public final class SymbolOutput {
  private SymbolOutput() {}

  /**
   * Finds the kernel and what it says of itself.
   *
   * @throws IOException when there is no Linux kernel, or one without symbols
   */
  public static GuestSymbols find(Snapshot snapshot, Progress progress) throws IOException {
    snapshot.index(progress);
    Optional<LinuxKernel> kernel = LinuxKernel.find(snapshot.memory(), snapshot.cpus());
    if (kernel.isEmpty()) {
      throw new IOException(
          snapshot.source()
              + ": no Linux kernel found: neither the CPUs' page tables nor RAM lead to one");
    }
    GuestSymbols symbols = GuestSymbols.find(kernel.get());
    if (symbols.symbols().size() == 0) {
      throw new IOException(
          "%s: no symbols: %s".formatted(snapshot.source(), String.join("; ", symbols.notes())));
    }
    return symbols;
  }

  /** Writes an ELF file that gdb takes instead of vmlinux. */
  public static KernelElf.Counts elf(GuestSymbols symbols, Path path) throws IOException {
    try (OutputFile file = new OutputFile(path);
        OutputStream out = new BufferedOutputStream(file.stream(), 1 << 16)) {
      KernelElf.Counts counts = KernelElf.write(symbols, out);
      out.flush();
      file.commit();
      return counts;
    }
  }
}
