package dev.vmstate.core.objects;

import dev.vmstate.core.kernel.KernelMemory;
import dev.vmstate.core.kernel.KernelTypes;
import java.io.IOException;
import java.util.Optional;

/**
 * A structure of the kernel at its address: {@code task.number("tgid")}, {@code task.follow("mm",
 * "mm_struct")}. A path is names with dots between and elements of arrays, as in C: {@code
 * thread.fpu.fpstate}, {@code pids[0]}. Nothing is read before it is asked for.
 *
 * <p>Every method that reads throws {@link dev.vmstate.memory.UnmappedAddressException} when the
 * address has no RAM, and {@link NoSuchMemberException} when this kernel's type has no such member.
 *
 * @param objects of which kernel
 * @param type without {@code struct}
 * @param address virtual, by the kernel's page tables
 */
public record KernelObject(KernelObjects objects, String type, long address) {
  /** Whether this kernel's type has such a member. */
  public boolean has(String path) {
    return objects.field(type, path).isPresent();
  }

  /** The address of a member. */
  public long at(String path) throws NoSuchMemberException {
    return address + field(path).offset();
  }

  /** Bytes of a member; of the whole array where it is one. */
  public long bytes(String path) throws NoSuchMemberException {
    return field(path).bytes();
  }

  /**
   * An unsigned number, an enum, a pointer or a bit-field, of 8 bytes at most; zero-extended.
   *
   * @throws NoSuchMemberException also when the member is larger than a number
   */
  public long number(String path) throws IOException {
    KernelTypes.Field field = field(path);
    if (field.bits() != 0) {
      return bits(field);
    }
    KernelMemory memory = objects.memory();
    long at = address + field.offset();
    return switch ((int) Math.min(field.bytes(), 9)) {
      case 1 -> memory.u8(at);
      case 2 -> memory.u16(at);
      case 4 -> memory.u32(at);
      case 8 -> memory.u64(at);
      default ->
          throw new NoSuchMemberException(
              "%s.%s has %d bytes and is no number".formatted(type, path, field.bytes()));
    };
  }

  /** The same, sign-extended. */
  public long signed(String path) throws IOException {
    KernelTypes.Field field = field(path);
    long bits = field.bits() != 0 ? field.bits() : 8 * field.bytes();
    return number(path) << 64 - bits >> 64 - bits;
  }

  private long bits(KernelTypes.Field field) throws IOException {
    long value = 0;
    long from = field.bit();
    for (int i = 0; i < field.bits(); i++) {
      long bit = from + i;
      value |= (long) (objects.memory().u8(address + bit / 8) >> bit % 8 & 1) << i;
    }
    return value;
  }

  /** A structure inside this one. */
  public KernelObject inside(String path, String of) throws NoSuchMemberException {
    return new KernelObject(objects, of, at(path));
  }

  /** What a pointer points to; empty for a null pointer. */
  public Optional<KernelObject> follow(String path, String of) throws IOException {
    long to = number(path);
    return to == 0 ? Optional.empty() : Optional.of(new KernelObject(objects, of, to));
  }

  /** The same address as another type: the first member of a structure, or a union's. */
  public KernelObject as(String other) {
    return new KernelObject(objects, other, address);
  }

  /** The structure that has this one as its member {@code path}: {@code container_of}. */
  public KernelObject container(String of, String path) throws NoSuchMemberException {
    return objects.container(address, of, path);
  }

  /** A character array inside, up to its first NUL; Latin-1. */
  public String text(String path) throws IOException {
    KernelTypes.Field field = field(path);
    int most = (int) Math.min(field.bytes(), KernelObjects.MOST_TEXT);
    return objects.memory().string(address + field.offset(), most);
  }

  /** What a {@code char *} points to, up to a NUL; empty for a null pointer; Latin-1. */
  public Optional<String> textAt(String path, int most) throws IOException {
    long to = number(path);
    return to == 0 ? Optional.empty() : Optional.of(objects.memory().string(to, most));
  }

  private KernelTypes.Field field(String path) throws NoSuchMemberException {
    return objects
        .field(type, path)
        .orElseThrow(
            () ->
                new NoSuchMemberException(
                    objects.types().size(type).isEmpty()
                        ? "this kernel has no type '%s'".formatted(type)
                        : "this kernel's %s has no member '%s'".formatted(type, path)));
  }

  @Override
  public String toString() {
    return "%s 0x%x".formatted(type, address);
  }
}
