package dev.vmstate.core.kernel;

import java.util.Optional;
import java.util.OptionalLong;

/**
 * A kernel's types by their names, wherever they were read: its BTF, a vmlinux with DWARF, a table
 * of known kernels.
 */
public interface KernelTypes extends TypeLayout {
  /**
   * A member, or an element of one that is an array.
   *
   * @param bit from the start of the outermost structure
   * @param bits of a bit-field, 0 when it is none
   * @param bytes of the member, of the whole array where it is one; of a bit-field those of its
   *     declared type
   */
  record Field(long bit, int bits, long bytes) {
    /** Bytes from the start of the structure; of a bit-field the byte its first bit is in. */
    public long offset() {
      return bit / 8;
    }
  }

  /** A member by its path, see {@link #offset}; empty where the kernel has none. */
  Optional<Field> field(String type, String path);

  /** Elements of an array member; 0 of a flexible one, empty where it is none. */
  OptionalLong length(String type, String path);

  /** The value of a name in any enum: {@code PG_slab}, {@code PIDTYPE_MAX}. */
  OptionalLong enumerator(String name);

  @Override
  default OptionalLong offset(String type, String path) {
    Optional<Field> field = field(type, path);
    return field.isEmpty() || field.get().bits() != 0 || field.get().bit() % 8 != 0
        ? OptionalLong.empty()
        : OptionalLong.of(field.get().offset());
  }
}
