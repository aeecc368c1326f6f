package dev.vmstate.core.layouts;

import dev.vmstate.core.kallsyms.SymbolCollector;
import dev.vmstate.core.kallsyms.SymbolTable;
import dev.vmstate.core.kernel.LinuxKernel;
import dev.vmstate.core.objects.KernelObject;
import dev.vmstate.core.objects.KernelObjects;
import dev.vmstate.memory.UnmappedAddressException;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.TreeMap;

/** The tables that come with this. {@code known.txt} names their files. */
public final class KnownLayouts {
  private KnownLayouts() {}

  /**
   * The structures of a kernel of which there is a table.
   *
   * @param functions its symbols, without those of variables
   * @return empty when no table is of the very same build, or when the guest's memory contradicts
   *     it
   */
  public static Optional<KernelObjects> of(LinuxKernel kernel, SymbolTable functions)
      throws IOException {
    for (String file : lines("known.txt")) {
      List<String> lines = lines(file);
      if (lines.contains("banner " + kernel.banner())) {
        return believed(kernel, functions, LayoutTable.parse(file, lines));
      }
    }
    return Optional.empty();
  }

  /** The same with a table that somebody made; its banner is compared too. */
  public static Optional<KernelObjects> of(
      LinuxKernel kernel, SymbolTable functions, LayoutTable table) throws IOException {
    return table.banner().equals(kernel.banner())
        ? believed(kernel, functions, table)
        : Optional.empty();
  }

  private static Optional<KernelObjects> believed(
      LinuxKernel kernel, SymbolTable functions, LayoutTable table) throws IOException {
    SymbolCollector variables = new SymbolCollector();
    long text = kernel.image().start();
    for (Map.Entry<String, Long> symbol : new TreeMap<>(table.symbols()).entrySet()) {
      variables.add(symbol.getKey(), 'D', text + symbol.getValue());
    }
    for (Map.Entry<String, Long> symbol : new TreeMap<>(table.unmoved()).entrySet()) {
      variables.add(symbol.getKey(), 'A', symbol.getValue());
    }
    KernelObjects objects = new KernelObjects(kernel, functions.plus(variables.table()), table);
    try {
      KernelObject first = objects.variable("init_task", "task_struct");
      long head = first.at("tasks");
      long next = first.number("tasks.next");
      boolean back = objects.at("list_head", next).number("prev") == head;
      return back && first.text("comm").startsWith("swapper")
          ? Optional.of(objects)
          : Optional.empty();
    } catch (UnmappedAddressException elsewhere) {
      return Optional.empty();
    }
  }

  private static List<String> lines(String file) throws IOException {
    try (InputStream in =
            Objects.requireNonNull(KnownLayouts.class.getResourceAsStream(file), file);
        BufferedReader lines =
            new BufferedReader(new InputStreamReader(in, StandardCharsets.UTF_8))) {
      return lines.lines().toList();
    }
  }
}
