package dev.vmstate.core.objects;

import dev.vmstate.core.ArrayMemory;
import dev.vmstate.core.kallsyms.SymbolCollector;
import dev.vmstate.core.kernel.KernelImage;
import dev.vmstate.core.kernel.KernelMemory;
import dev.vmstate.core.kernel.KernelTypes;
import dev.vmstate.core.kernel.LinuxKernel;
import dev.vmstate.core.paging.PageTables;
import dev.vmstate.core.paging.PagingMode;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * A kernel put together by hand: 16 MiB of RAM at {@link #DIRECT}, types and symbols as a test says
 * them. Nothing is in it but that; addresses beyond are not mapped.
 *
 * <pre>
 * HandKernel kernel = new HandKernel()
 *     .type("task_struct", 128).member("task_struct", "pid", 16, 4)
 *     .symbol("init_task", DIRECT + 0x10000);
 * kernel.put(DIRECT + 0x10000, "task_struct", "pid", 7);
 * </pre>
 */
public final class HandKernel {
  /** Virtual address of guest-physical 0. */
  public static final long DIRECT = 0xffff_8880_0000_0000L;

  public static final int BYTES = 16 << 20;
  private static final long ROOT = 0x1000;

  private final ArrayMemory ram = ArrayMemory.at(0, BYTES);
  private final SymbolCollector symbols = new SymbolCollector();
  private final Types types = new Types();

  /** With the top table at guest-physical 0x1000; the first 64 KiB are better left alone. */
  public HandKernel() {
    ram.u64(ROOT + 8 * 273, 0x2003).u64(0x2000, 0x3003);
    for (int i = 0; i < BYTES >> 21; i++) {
      ram.u64(0x3000 + 8L * i, (long) i << 21 | 0x83);
    }
  }

  /** RAM by guest-physical address. */
  public ArrayMemory ram() {
    return ram;
  }

  /** A structure or union of that size. */
  public HandKernel type(String name, long bytes) {
    types.sizes.put(name, bytes);
    return this;
  }

  /** A member of it; an array's {@code [0]}, {@code [1]} are members of their own. */
  public HandKernel member(String type, String path, long offset, long bytes) {
    types.fields.put(type + " " + path, new KernelTypes.Field(8 * offset, 0, bytes));
    return this;
  }

  /** A bit-field. */
  public HandKernel bits(String type, String path, long bit, int bits) {
    types.fields.put(type + " " + path, new KernelTypes.Field(bit, bits, 4));
    return this;
  }

  /** How many elements an array member has. */
  public HandKernel length(String type, String path, long elements) {
    types.lengths.put(type + " " + path, elements);
    return this;
  }

  public HandKernel enumerator(String name, long value) {
    types.enumerators.put(name, value);
    return this;
  }

  public HandKernel symbol(String name, long address) {
    symbols.add(name, 'D', address);
    return this;
  }

  /** Puts a number into a member of the structure at {@code address}. */
  public HandKernel put(long address, String type, String path, long value) {
    KernelTypes.Field field = types.field(type, path).orElseThrow();
    for (int i = 0; i < field.bytes(); i++) {
      bytes(address + field.offset() + i, new byte[] {(byte) (value >>> 8 * i)});
    }
    return this;
  }

  /** Puts a text and a NUL into a member. */
  public HandKernel put(long address, String type, String path, String text) {
    KernelTypes.Field field = types.field(type, path).orElseThrow();
    return bytes(address + field.offset(), (text + "\0").getBytes(StandardCharsets.UTF_8));
  }

  /** Puts eight bytes. */
  public HandKernel word(long address, long value) {
    ram.u64(address - DIRECT, value);
    return this;
  }

  public HandKernel bytes(long address, byte[] bytes) {
    ram.bytes(address - DIRECT, bytes);
    return this;
  }

  /** Links {@code list_head}s: a head and its entries, in a ring. */
  public HandKernel list(long head, long... entries) {
    long last = head;
    for (long entry : entries) {
      word(last, entry).word(entry + 8, last);
      last = entry;
    }
    return word(last, head).word(head + 8, last);
  }

  /** What was put there so far. */
  public KernelObjects objects() {
    KernelMemory memory = new KernelMemory(ram, new PageTables(ram, PagingMode.LONG4, ROOT));
    KernelImage image = new KernelImage(memory, DIRECT, DIRECT + BYTES);
    LinuxKernel kernel =
        new LinuxKernel(
            image,
            "6.1.0-hand",
            "Linux version 6.1.0-hand",
            0,
            0,
            OptionalLong.of(DIRECT),
            OptionalLong.empty(),
            OptionalLong.empty(),
            4,
            List.of());
    return new KernelObjects(kernel, symbols.table(), types);
  }

  private static final class Types implements KernelTypes {
    private final Map<String, Long> sizes = new HashMap<>();
    private final Map<String, Field> fields = new HashMap<>();
    private final Map<String, Long> lengths = new HashMap<>();
    private final Map<String, Long> enumerators = new HashMap<>();

    @Override
    public Optional<Field> field(String type, String path) {
      return Optional.ofNullable(fields.get(type + " " + path));
    }

    @Override
    public OptionalLong length(String type, String path) {
      return known(lengths.get(type + " " + path));
    }

    @Override
    public OptionalLong enumerator(String name) {
      return known(enumerators.get(name));
    }

    @Override
    public OptionalLong size(String type) {
      return known(sizes.get(type));
    }

    @SuppressWarnings("NullAway") // a map's get
    private static OptionalLong known(Long value) {
      return value == null ? OptionalLong.empty() : OptionalLong.of(value);
    }
  }
}
