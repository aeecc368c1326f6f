package dev.vmstate.core.objects;

import dev.vmstate.core.kallsyms.SymbolTable;
import dev.vmstate.core.kernel.KernelMemory;
import dev.vmstate.core.kernel.KernelTypes;
import dev.vmstate.core.kernel.LinuxKernel;
import dev.vmstate.core.kernel.ListWalk;
import java.io.IOException;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * Where a walk through a guest kernel's structures starts: at a variable. Holds which kernel it is,
 * its symbols and its types. Not thread-safe.
 */
public final class KernelObjects {
  /** Of a character array; the largest that is text has a page. */
  static final int MOST_TEXT = 1 << 16;

  private final LinuxKernel kernel;
  private final SymbolTable symbols;
  private final KernelTypes types;

  /** Every member asked for is asked for again, of the next task. */
  private final Map<String, Map<String, Optional<KernelTypes.Field>>> known = new HashMap<>();

  /** Structures of {@code kernel}. */
  public KernelObjects(LinuxKernel kernel, SymbolTable symbols, KernelTypes types) {
    this.kernel = kernel;
    this.symbols = symbols;
    this.types = types;
  }

  /** Which kernel. */
  public LinuxKernel kernel() {
    return kernel;
  }

  /** Its memory, by its own page tables. */
  public KernelMemory memory() {
    return kernel.image().memory();
  }

  /** Its symbols; {@link #address} is one of them. */
  public SymbolTable symbols() {
    return symbols;
  }

  /** Its types. */
  public KernelTypes types() {
    return types;
  }

  /** The address of a variable or function; empty where this kernel has none of that name. */
  public OptionalLong address(String symbol) {
    return symbols.address(symbol);
  }

  /** The structure at an address. */
  public KernelObject at(String type, long address) {
    return new KernelObject(this, type, address);
  }

  /**
   * A variable that is a structure.
   *
   * @throws NoSuchMemberException when this kernel has no symbol of that name
   */
  public KernelObject variable(String symbol, String type) throws NoSuchMemberException {
    return at(type, needed(symbol));
  }

  /**
   * The address of a symbol this kernel must have.
   *
   * @throws NoSuchMemberException when it has none
   */
  public long needed(String symbol) throws NoSuchMemberException {
    OptionalLong address = address(symbol);
    if (address.isEmpty()) {
      throw new NoSuchMemberException(
          "no symbol '%s' in Linux %s: its kallsyms has functions only (CONFIG_KALLSYMS_ALL is off), or this version has no such variable"
              .formatted(symbol, kernel.release()));
    }
    return address.getAsLong();
  }

  /** The structure of type {@code of} whose member {@code path} is at {@code address}. */
  public KernelObject container(long address, String of, String path) throws NoSuchMemberException {
    return at(of, address - at(of, 0).at(path));
  }

  /**
   * The {@code list_head}s in the entries of a list; {@link #container} makes structures of them.
   *
   * @param head address of the list's head
   * @param most entries that are taken
   */
  public ListWalk list(long head, int most) throws IOException {
    return ListWalk.of(memory(), head, most);
  }

  Optional<KernelTypes.Field> field(String type, String path) {
    return known
        .computeIfAbsent(type, of -> new HashMap<>())
        .computeIfAbsent(path, of -> types.field(type, of));
  }
}
