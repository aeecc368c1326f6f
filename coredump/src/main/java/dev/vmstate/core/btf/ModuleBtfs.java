package dev.vmstate.core.btf;

import dev.vmstate.bytes.FormatException;
import dev.vmstate.core.kernel.KernelMemory;
import dev.vmstate.memory.UnmappedAddressException;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalLong;

/**
 * The tables of loaded modules: the list {@code btf_modules} of {@code struct btf_module} in
 * kernel/bpf/btf.c. {@code struct btf} is asked, not {@code module.btf_data}: a module built with a
 * distilled base (6.11 and later) has other numbers there, and the kernel has moved them to its own
 * in its copy.
 */
public final class ModuleBtfs {
  private static final int MOST_MODULES = 4096;

  /** Those of all modules together; three hundred have 20 MiB. */
  private static final long MOST_BYTES = 32 << 20;

  private ModuleBtfs() {}

  /**
   * A module's table.
   *
   * @param module its name, empty when that is not to be read
   */
  public record ModuleBtf(String module, Btf btf) {}

  /**
   * What was found, and a line for each thing that was not as it should be.
   *
   * @param tables in the order the modules were loaded
   */
  public record Result(List<ModuleBtf> tables, List<String> notes) {
    public Result {
      tables = List.copyOf(tables);
      notes = List.copyOf(notes);
    }
  }

  /**
   * Walks the list.
   *
   * @param head address of {@code btf_modules}
   */
  public static Result find(KernelMemory memory, Structs types, long head) throws IOException {
    List<ModuleBtf> tables = new ArrayList<>();
    List<String> notes = new ArrayList<>();
    OptionalLong list = types.offset("btf_module", "list");
    OptionalLong btf = types.offset("btf_module", "btf");
    OptionalLong data = types.offset("btf", "data");
    OptionalLong size = types.offset("btf", "data_size");
    if (list.isEmpty() || btf.isEmpty() || data.isEmpty() || size.isEmpty()) {
      notes.add("no types of modules: the kernel's types have no struct btf_module");
      return new Result(tables, notes);
    }
    try {
      long left = MOST_BYTES;
      long entry = memory.word(head);
      for (int i = 0; entry != head; i++) {
        if (i == MOST_MODULES) {
          notes.add("types of modules: the list has no end, %d were read".formatted(i));
          break;
        }
        long module = entry - list.getAsLong();
        String name = name(memory, types, module);
        long table = memory.word(module + btf.getAsLong());
        long bytes = memory.u32(table + size.getAsLong());
        try {
          if (bytes > left) {
            throw new FormatException(name, 0, "%d bytes of BTF".formatted(bytes));
          }
          left -= bytes;
          byte[] blob = memory.bytes(memory.word(table + data.getAsLong()), (int) bytes);
          tables.add(new ModuleBtf(name, Btf.parse("BTF of " + name, blob, types.btf())));
        } catch (FormatException | UnmappedAddressException e) {
          notes.add("no types of module %s: %s".formatted(name, e.getMessage()));
        }
        entry = memory.word(entry);
      }
    } catch (UnmappedAddressException e) {
      notes.add(
          "types of modules: the list leads to 0x%x, where nothing is; %d were read"
              .formatted(e.address(), tables.size()));
    }
    return new Result(tables, notes);
  }

  private static String name(KernelMemory memory, Structs types, long btfModule)
      throws IOException {
    OptionalLong module = types.offset("btf_module", "module");
    OptionalLong name = types.offset("module", "name");
    if (module.isEmpty() || name.isEmpty()) {
      return "";
    }
    return memory.string(memory.word(btfModule + module.getAsLong()) + name.getAsLong(), 64);
  }
}
