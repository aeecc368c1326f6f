package dev.vmstate.elf;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;

/**
 * A note to be written.
 *
 * <pre>
 * Note ::= u32 namesz, u32 descsz, u32 type, name with NUL, pad to 4, descriptor, pad to 4
 * </pre>
 *
 * Padding is 4 bytes in ELF64 files too, against the gABI's 8: so do Linux and QEMU ({@code
 * target/i386/arch_dump.c}), and so do all readers expect.
 *
 * @param owner ASCII, without the NUL
 * @param type unsigned 32 bits, meaning depends on the owner
 * @param descriptor not changed any more; a read-only view is handed out
 */
public record ElfNote(String owner, int type, ByteBuffer descriptor) {
  /** Bytes before the name. */
  public static final int HEADER_BYTES = 12;

  public ElfNote {
    descriptor = descriptor.asReadOnlyBuffer();
  }

  @Override
  public ByteBuffer descriptor() {
    return descriptor.duplicate();
  }

  /** A note over an array that the caller no longer changes. */
  public static ElfNote of(String owner, int type, byte[] descriptor) {
    return new ElfNote(owner, type, ByteBuffer.wrap(descriptor));
  }

  /** Bytes the whole note takes. */
  public int bytes() {
    return HEADER_BYTES + padded(owner.length() + 1) + padded(descriptor.remaining());
  }

  /** Appends the note; {@code out} is little-endian. */
  public void encode(ByteBuffer out) {
    byte[] name = owner.getBytes(StandardCharsets.US_ASCII);
    int start = out.position();
    out.putInt(name.length + 1).putInt(descriptor.remaining()).putInt(type).put(name);
    out.position(start + HEADER_BYTES + padded(name.length + 1));
    out.put(descriptor());
    out.position(start + bytes());
  }

  static int padded(int length) {
    return (length + 3) & ~3;
  }
}
