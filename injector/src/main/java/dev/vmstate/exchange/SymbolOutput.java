package dev.vmstate.exchange;

import dev.vmstate.bytes.Progress;
import dev.vmstate.compress.Compression;
import dev.vmstate.core.symbols.GuestSymbols;
import dev.vmstate.core.symbols.Isf;
import dev.vmstate.core.symbols.KernelElf;
import dev.vmstate.core.symbols.SystemMap;
import dev.vmstate.snapshot.Snapshot;
import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Path;

/** Symbols and types of the kernel in a snapshot, as a file. */
public final class SymbolOutput {
  private SymbolOutput() {}

  /**
   * Finds the kernel and what it says of itself.
   *
   * @throws IOException when there is no Linux kernel, or one without symbols
   */
  public static GuestSymbols find(Snapshot snapshot, Progress progress) throws IOException {
    GuestSymbols symbols = GuestSymbols.find(GuestKernel.find(snapshot, progress));
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

  /** Writes symbols as text; compressed when {@code path} ends in {@code .xz}. */
  public static void systemMap(GuestSymbols symbols, Path path) throws IOException {
    write(path, out -> SystemMap.write(symbols.symbols(), symbols.memory().wordBytes(), out));
  }

  /**
   * Writes a symbol file of volatility3; compressed when {@code path} ends in {@code .xz}.
   *
   * @throws IOException also when the kernel has no types
   */
  public static void isf(GuestSymbols symbols, Path path) throws IOException {
    if (symbols.types().isEmpty()) {
      throw new IOException(
          path
              + ": not written: volatility3 needs types, and the kernel has no BTF;"
              + " dwarf2json makes them of a debug package's vmlinux");
    }
    write(path, out -> Isf.write(symbols, out));
  }

  private interface Writer {
    void write(OutputStream out) throws IOException;
  }

  private static void write(Path path, Writer writer) throws IOException {
    boolean packed = path.toString().endsWith(".xz");
    try (OutputFile file = new OutputFile(path)) {
      OutputStream whole = new BufferedOutputStream(file.stream(), 1 << 16);
      try (OutputStream out = packed ? Compression.XZ.compress(whole) : whole) {
        writer.write(out);
      }
      file.commit();
    }
  }
}
