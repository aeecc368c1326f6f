package dev.vmstate.core.kallsyms;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import org.jspecify.annotations.Nullable;

/**
 * The symbols of a kernel, in the order of {@code /proc/kallsyms}. A kernel has up to a quarter of
 * a million: there is no object for each, and what finds them by name or address is made when first
 * asked for. Not thread-safe.
 */
public final class SymbolTable {
  /** No symbols. */
  public static final SymbolTable EMPTY =
      new SymbolTable(
          new byte[0], new int[1], new byte[0], new long[0], null, new String[] {""}, null);

  private final byte[] text;
  private final int[] starts;
  private final byte[] types;
  private final long[] addresses;
  private final short @Nullable [] owners;
  private final String[] modules;
  private final @Nullable KallsymsPlace place;

  /** First symbol of each hash value, plus 1; then for each symbol the next one with it. */
  private int @Nullable [] heads;

  private int[] chains = new int[0];

  /** Symbols that have an address, by it; of those at one address the first comes first. */
  private int @Nullable [] byAddress;

  /**
   * The arrays are kept, not copied.
   *
   * @param text all names, Latin-1, one after the other
   * @param starts where each begins, and where the last one ends
   * @param owners numbers into {@code modules}; null when all are vmlinux's
   */
  SymbolTable(
      byte[] text,
      int[] starts,
      byte[] types,
      long[] addresses,
      short @Nullable [] owners,
      String[] modules,
      @Nullable KallsymsPlace place) {
    this.text = text;
    this.starts = starts;
    this.types = types;
    this.addresses = addresses;
    this.owners = owners;
    this.modules = modules;
    this.place = place;
  }

  /** Number of symbols. */
  public int size() {
    return addresses.length;
  }

  /** The symbol on line {@code i}, from 0 on. */
  public KernelSymbol get(int i) {
    return new KernelSymbol(name(i), type(i), addresses[i], module(i));
  }

  /** Name of the symbol on line {@code i}. */
  public String name(int i) {
    return new String(text, starts[i], starts[i + 1] - starts[i], StandardCharsets.ISO_8859_1);
  }

  /** Type of the symbol on line {@code i}. */
  public char type(int i) {
    return (char) (types[i] & 0xff);
  }

  /** Address of the symbol on line {@code i}. */
  public long address(int i) {
    return addresses[i];
  }

  /** Module of the symbol on line {@code i}, empty for vmlinux. */
  public String module(int i) {
    return owners == null ? "" : modules[owners[i]];
  }

  /** The address of the first symbol of that name: static ones may share theirs. */
  public OptionalLong address(String name) {
    byte[] wanted = name.getBytes(StandardCharsets.ISO_8859_1);
    int at = next(chainHead(wanted), wanted);
    return at < 0 ? OptionalLong.empty() : OptionalLong.of(addresses[at]);
  }

  /** All symbols of that name. */
  public List<KernelSymbol> all(String name) {
    byte[] wanted = name.getBytes(StandardCharsets.ISO_8859_1);
    List<KernelSymbol> found = new ArrayList<>();
    for (int at = next(chainHead(wanted), wanted); at >= 0; at = next(chains[at] - 1, wanted)) {
      found.add(get(at));
    }
    return List.copyOf(found);
  }

  /**
   * The nearest symbol at or below {@code address}, however far that is: the symbols have no
   * lengths. Of several at one address the first, as the kernel itself prints it. {@linkplain
   * KernelSymbol#isAbsolute Absolute} ones are passed over.
   */
  public Optional<KernelSymbol> at(long address) {
    int[] order = order();
    int low = 0;
    int high = order.length;
    while (low < high) { // the first one above
      int middle = (low + high) >>> 1;
      if (Long.compareUnsigned(addresses[order[middle]], address) <= 0) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    if (low == 0) {
      return Optional.empty();
    }
    int found = low - 1;
    long same = addresses[order[found]];
    while (found > 0 && addresses[order[found - 1]] == same) {
      found--;
    }
    return Optional.of(get(order[found]));
  }

  /** Where in guest memory vmlinux' symbols stood; empty for modules alone. */
  public Optional<KallsymsPlace> place() {
    return Optional.ofNullable(place);
  }

  /** These symbols, then those of {@code more}. */
  public SymbolTable plus(SymbolTable more) {
    byte[] allText = Arrays.copyOf(text, Math.addExact(text.length, more.text.length));
    System.arraycopy(more.text, 0, allText, text.length, more.text.length);
    int[] allStarts = Arrays.copyOf(starts, size() + more.size() + 1);
    for (int i = 0; i <= more.size(); i++) {
      allStarts[size() + i] = text.length + more.starts[i];
    }
    byte[] allTypes = Arrays.copyOf(types, size() + more.size());
    System.arraycopy(more.types, 0, allTypes, size(), more.size());
    long[] allAddresses = Arrays.copyOf(addresses, size() + more.size());
    System.arraycopy(more.addresses, 0, allAddresses, size(), more.size());
    String[] allModules = Arrays.copyOf(modules, modules.length + more.modules.length);
    System.arraycopy(more.modules, 0, allModules, modules.length, more.modules.length);
    short[] allOwners = new short[size() + more.size()];
    for (int i = 0; i < size(); i++) {
      allOwners[i] = owners == null ? 0 : owners[i];
    }
    for (int i = 0; i < more.size(); i++) {
      allOwners[size() + i] = (short) (modules.length + (more.owners == null ? 0 : more.owners[i]));
    }
    return new SymbolTable(
        allText, allStarts, allTypes, allAddresses, allOwners, allModules, place);
  }

  private int next(int from, byte[] wanted) {
    int at = from;
    while (at >= 0 && !Arrays.equals(text, starts[at], starts[at + 1], wanted, 0, wanted.length)) {
      at = chains[at] - 1;
    }
    return at;
  }

  private int chainHead(byte[] wanted) {
    int[] table = heads;
    if (table == null) {
      table = new int[Integer.highestOneBit(Math.max(size(), 1)) * 2];
      chains = new int[size()];
      for (int i = size() - 1; i >= 0; i--) { // so that the first one heads its chain
        int hash = hash(text, starts[i], starts[i + 1]) & (table.length - 1);
        chains[i] = table[hash];
        table[hash] = i + 1;
      }
      heads = table;
    }
    return table[hash(wanted, 0, wanted.length) & (table.length - 1)] - 1;
  }

  private static int hash(byte[] bytes, int from, int to) {
    int hash = 0;
    for (int i = from; i < to; i++) {
      hash = 31 * hash + bytes[i];
    }
    return hash ^ hash >>> 15;
  }

  private int[] order() {
    int[] order = byAddress;
    if (order == null) {
      order = new int[size()];
      int count = 0;
      for (int i = 0; i < size(); i++) {
        if (types[i] != 'A' && types[i] != 'a') {
          order[count++] = i;
        }
      }
      order = Arrays.copyOf(order, count);
      sort(order, new int[count], 0, count);
      byAddress = order;
    }
    return order;
  }

  /** A stable merge sort of {@code order[from..to)}; vmlinux' part is in order already. */
  private void sort(int[] order, int[] scratch, int from, int to) {
    if (to - from < 2) {
      return;
    }
    int middle = (from + to) >>> 1;
    sort(order, scratch, from, middle);
    sort(order, scratch, middle, to);
    if (!above(order[middle - 1], order[middle])) {
      return;
    }
    System.arraycopy(order, from, scratch, from, middle - from);
    int left = from;
    int right = middle;
    for (int i = from; left < middle; i++) {
      boolean takeRight = right < to && above(scratch[left], order[right]);
      order[i] = takeRight ? order[right++] : scratch[left++];
    }
  }

  private boolean above(int a, int b) {
    return Long.compareUnsigned(addresses[a], addresses[b]) > 0;
  }
}
