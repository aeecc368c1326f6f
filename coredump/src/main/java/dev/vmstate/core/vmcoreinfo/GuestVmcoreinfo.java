package dev.vmstate.core.vmcoreinfo;

import dev.vmstate.core.kernel.KernelImage;
import dev.vmstate.core.kernel.LinuxKernel;
import dev.vmstate.memory.GuestMemory;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * The VMCOREINFO of the kernel that runs in a guest.
 *
 * @param info the text
 * @param how where it is from, for people: {@code at 0x11e8000, where the kernel has its note}
 * @param made whether it is none of the guest's own, but made of what else is known of its kernel
 */
public record GuestVmcoreinfo(Vmcoreinfo info, String how, boolean made) {
  /** One that stands in the guest's memory. */
  public GuestVmcoreinfo(Vmcoreinfo info, String how) {
    this(info, how, false);
  }

  /**
   * Asks one source after the other: what QEMU was told, the kernel's pointers, then all of RAM,
   * and at last {@code more}. What does not agree with the kernel is passed over.
   *
   * @param device where QEMU's vmcoreinfo device says that it is
   * @param more asked when RAM has none: whoever can make one
   */
  public static Optional<GuestVmcoreinfo> of(
      LinuxKernel kernel, Optional<VmcoreinfoDevice> device, List<VmcoreinfoSource> more)
      throws IOException {
    List<VmcoreinfoSource> all = new ArrayList<>(more);
    all.add(0, VmcoreinfoPages::in);
    return ofFirst(kernel, device, all);
  }

  /**
   * The same where all pages have passed already: RAM is not read again.
   *
   * @param passed what was seen on the way
   */
  public static Optional<GuestVmcoreinfo> of(
      LinuxKernel kernel,
      Optional<VmcoreinfoDevice> device,
      VmcoreinfoPages passed,
      List<VmcoreinfoSource> more)
      throws IOException {
    List<VmcoreinfoSource> all = new ArrayList<>(more);
    all.add(0, passed::of);
    return ofFirst(kernel, device, all);
  }

  private static Optional<GuestVmcoreinfo> ofFirst(
      LinuxKernel kernel, Optional<VmcoreinfoDevice> device, List<VmcoreinfoSource> rest)
      throws IOException {
    if (device.isPresent()) {
      GuestMemory memory = kernel.image().memory().physical();
      Optional<GuestVmcoreinfo> told = device.get().in(memory);
      if (told.isPresent() && agree(told.get().info(), kernel)) {
        return told;
      }
    }
    Optional<GuestVmcoreinfo> found = inImage(kernel);
    for (VmcoreinfoSource source : rest) {
      if (found.isEmpty()) {
        found = source.of(kernel);
      }
    }
    return found;
  }

  /** By the kernel's own pointers, without a look at the rest of RAM. */
  public static Optional<GuestVmcoreinfo> inImage(LinuxKernel kernel) throws IOException {
    return VmcoreinfoPointers.in(kernel);
  }

  /**
   * Whether it is this kernel's: the same release, moved as the tables have it. RAM may hold those
   * of others, of before a reboot or a crash, or of a guest in the guest.
   */
  public static boolean agree(Vmcoreinfo info, LinuxKernel kernel) throws IOException {
    KernelImage image = kernel.image();
    long text = info.symbol("_stext").orElse(0);
    OptionalLong physical = image.memory().translate(text);
    if (!info.release().equals(kernel.release())
        || text < image.start()
        || text >= image.end()
        || physical.isEmpty()) {
      return false;
    }
    if (image.memory().wordBytes() == 4) {
      return true;
    }
    // Kernels before 4.10 do not say their phys_base.
    long base = info.physBase().orElse(kernel.physBase());
    long linked = image.start() - info.kernelOffset().orElse(0) - KernelImage.START_KERNEL_MAP;
    return base == kernel.physBase()
        && physical.getAsLong() == text - KernelImage.START_KERNEL_MAP + base
        && linked >= 0
        && linked < 1 << 30;
  }
}
