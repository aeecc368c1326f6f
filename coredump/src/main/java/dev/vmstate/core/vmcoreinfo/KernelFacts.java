package dev.vmstate.core.vmcoreinfo;

import dev.vmstate.core.btf.Structs;
import dev.vmstate.core.kernel.KernelMemory;
import java.util.Optional;
import java.util.OptionalLong;

/** What has to be known of a running Linux kernel to say what its VMCOREINFO would say. */
public interface KernelFacts {
  /** {@code uname -r}. */
  String release();

  /** Its memory. */
  KernelMemory memory();

  /** {@code phys_base}, see {@link dev.vmstate.core.kernel.KernelImage}. */
  long physBase();

  /** How far it was moved from where it was linked to run. */
  long kernelOffset();

  /** Levels of its page tables, 2 to 5. */
  int pagingLevels();

  /** The run-time address of a symbol. */
  OptionalLong symbol(String name);

  /**
   * The run-time address of one of the tables symbols are kept in, {@code kallsyms_names} and so
   * on, which are no symbols themselves.
   */
  OptionalLong symbolTable(String name);

  /** Its types; empty when they are not known. */
  Optional<Structs> types();

  /** Bytes of a type. */
  default OptionalLong size(String type) {
    return types().map(known -> known.size(type)).orElse(OptionalLong.empty());
  }

  /** Bytes from a structure's start to a member. */
  default OptionalLong offset(String type, String path) {
    return types().map(known -> known.offset(type, path)).orElse(OptionalLong.empty());
  }

  /** Elements of an array that is a member of a structure. */
  default OptionalLong elements(String type, String path) {
    return types().map(known -> known.length(type, path)).orElse(OptionalLong.empty());
  }

  /** The value of an enumerator. */
  default OptionalLong enumerator(String name) {
    return types().map(known -> known.enumerator(name)).orElse(OptionalLong.empty());
  }
}
