package dev.vmstate.core.debuginfo;

import dev.vmstate.core.kernel.KernelMemory;
import dev.vmstate.core.kernel.LinuxKernel;
import dev.vmstate.core.vmcoreinfo.GuestVmcoreinfo;
import dev.vmstate.memory.UnmappedAddressException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.HexFormat;
import java.util.Optional;

/**
 * Whether a vmlinux is the one that runs in a guest. A kernel maps its own notes with the build ID;
 * where this one has none, its banner, with number and time of the build, decides.
 */
public final class VmlinuxMatch {
  private static final int NT_GNU_BUILD_ID = 3;
  private static final int MOST_NOTES = 1 << 16;

  private VmlinuxMatch() {}

  /** How far the running kernel was moved from where {@code vmlinux} is linked to be. */
  public static long shift(Vmlinux vmlinux, LinuxKernel kernel) {
    return kernel.image().start() - vmlinux.text();
  }

  /**
   * Compares.
   *
   * @return why it is another kernel's; empty when it is this one's
   */
  public static Optional<String> difference(Vmlinux vmlinux, LinuxKernel kernel)
      throws IOException {
    Optional<String> own = vmlinux.buildId();
    Optional<String> guests = own.isEmpty() ? own : buildId(vmlinux, kernel, own.get());
    if (guests.isPresent()) {
      return guests.equals(own)
          ? Optional.empty()
          : Optional.of(
              "%s is of another build (%s) than the guest's Linux %s (%s)"
                  .formatted(vmlinux.name(), own.get(), kernel.release(), guests.get()));
    }
    String banner = vmlinux.banner().orElse("nothing");
    return banner.equals(kernel.banner())
        ? Optional.empty()
        : Optional.of(
            "%s is of another build than the guest's kernel: it says '%s', the guest's '%s'"
                .formatted(vmlinux.name(), banner, kernel.banner()));
  }

  /** The guest's, where this vmlinux would have it in memory, or where the kernel says it is. */
  private static Optional<String> buildId(Vmlinux vmlinux, LinuxKernel kernel, String own)
      throws IOException {
    Optional<ElfSections.Section> notes = vmlinux.notes();
    if (notes.isPresent() && notes.get().bytes() <= MOST_NOTES) {
      long at = notes.get().address() + shift(vmlinux, kernel);
      Optional<String> there = buildId(kernel, at, (int) notes.get().bytes());
      if (there.isPresent() && there.get().equals(own)) {
        return there;
      }
    }
    return GuestVmcoreinfo.inImage(kernel).flatMap(found -> found.info().value("BUILD-ID"));
  }

  private static Optional<String> buildId(LinuxKernel kernel, long address, int bytes)
      throws IOException {
    KernelMemory memory = kernel.image().memory();
    long at = memory.wordBytes() == 4 ? address & 0xffff_ffffL : address;
    try {
      return buildId(ByteBuffer.wrap(memory.bytes(at, bytes)).order(ByteOrder.LITTLE_ENDIAN));
    } catch (UnmappedAddressException elsewhere) {
      return Optional.empty();
    }
  }

  /** Notes are {@code u32 namesz, u32 descsz, u32 type, name, desc}, both padded to 4 bytes. */
  private static Optional<String> buildId(ByteBuffer notes) {
    while (notes.remaining() >= 12) {
      long name = notes.getInt() & 0xffff_ffffL;
      long descriptor = notes.getInt() & 0xffff_ffffL;
      int type = notes.getInt();
      long end = notes.position() + (name + 3 & -4) + (descriptor + 3 & -4);
      if (end > notes.limit()) {
        break;
      }
      byte[] owner = new byte[(int) name];
      notes.get(notes.position(), owner);
      byte[] id = new byte[(int) descriptor];
      notes.get(notes.position() + (int) (name + 3 & -4), id);
      if (type == NT_GNU_BUILD_ID
          && new String(owner, StandardCharsets.ISO_8859_1).equals("GNU\0")) {
        return Optional.of(HexFormat.of().formatHex(id));
      }
      notes.position((int) end);
    }
    return Optional.empty();
  }
}
