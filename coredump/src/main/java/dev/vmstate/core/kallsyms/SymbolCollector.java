package dev.vmstate.core.kallsyms;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** Makes a {@link SymbolTable} of symbols that come one by one. */
public final class SymbolCollector {
  /**
   * More than any kernel's modules have, and bounded where lists and counts are not to be trusted.
   */
  private static final int MOST = 1_000_000;

  private static final int MOST_TEXT = 16 << 20;

  private final List<String> modules = new ArrayList<>(List.of(""));
  private byte[] text = new byte[1 << 16];
  private int[] starts = new int[1 << 12];
  private byte[] types = new byte[1 << 12];
  private long[] addresses = new long[1 << 12];
  private short[] owners = new short[1 << 12];
  private int size;

  /** What follows is that module's; false when there were too many of them. */
  public boolean module(String name) {
    if (modules.size() > Short.MAX_VALUE / 2) {
      return false;
    }
    modules.add(name);
    return true;
  }

  /** One more; false when there is no room for it. */
  public boolean add(String name, char type, long address) {
    byte[] bytes = name.getBytes(StandardCharsets.ISO_8859_1);
    int end = starts[size] + bytes.length;
    if (size >= MOST || end > MOST_TEXT) {
      return false;
    }
    if (end > text.length) {
      text = Arrays.copyOf(text, Math.max(end, 2 * text.length));
    }
    if (size + 1 >= starts.length) {
      starts = Arrays.copyOf(starts, 2 * starts.length);
      types = Arrays.copyOf(types, starts.length);
      addresses = Arrays.copyOf(addresses, starts.length);
      owners = Arrays.copyOf(owners, starts.length);
    }
    System.arraycopy(bytes, 0, text, starts[size], bytes.length);
    types[size] = (byte) type;
    addresses[size] = address;
    owners[size] = (short) (modules.size() - 1);
    starts[++size] = end;
    return true;
  }

  /** All of them, in the order in which they came. */
  public SymbolTable table() {
    return new SymbolTable(
        Arrays.copyOf(text, starts[size]),
        Arrays.copyOf(starts, size + 1),
        Arrays.copyOf(types, size),
        Arrays.copyOf(addresses, size),
        Arrays.copyOf(owners, size),
        modules.toArray(new String[0]),
        null);
  }
}
