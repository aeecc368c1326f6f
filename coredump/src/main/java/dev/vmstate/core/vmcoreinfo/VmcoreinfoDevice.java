package dev.vmstate.core.vmcoreinfo;

import dev.vmstate.device.DeviceSection;
import dev.vmstate.device.Field;
import dev.vmstate.memory.GuestMemory;
import dev.vmstate.memory.UnmappedAddressException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.Optional;

/**
 * What a guest told QEMU's device of that name: where the kernel's note stands. Source: {@code
 * hw/misc/vmcoreinfo.c}.
 *
 * @param physical guest-physical address of the note
 * @param bytes room there
 */
public record VmcoreinfoDevice(long physical, long bytes) {
  /** FW_CFG_VMCOREINFO_FORMAT_ELF. */
  private static final long FORMAT_ELF = 1;

  /** A note's head, and text of a page. */
  private static final int MOST = 2 * Vmcoreinfo.MOST_BYTES;

  /** Of the section {@code vmcoreinfo}, when the guest has a driver and has told. */
  public static Optional<VmcoreinfoDevice> of(List<DeviceSection> devices) {
    for (DeviceSection device : devices) {
      if (device.name().equals("vmcoreinfo")
          && number(device, "has_vmcoreinfo") != 0
          && number(device, "vmcoreinfo.guest_format") == FORMAT_ELF) {
        return Optional.of(
            new VmcoreinfoDevice(
                number(device, "vmcoreinfo.paddr"), number(device, "vmcoreinfo.size")));
      }
    }
    return Optional.empty();
  }

  private static long number(DeviceSection device, String name) {
    for (Field field : device.root().children()) {
      if (field instanceof Field.Scalar scalar && scalar.name().equals(name)) {
        return scalar.value();
      }
    }
    return 0;
  }

  Optional<GuestVmcoreinfo> in(GuestMemory memory) throws IOException {
    byte[] note = new byte[(int) Math.max(0, Math.min(bytes, MOST))];
    try {
      memory.readPhysical(physical, ByteBuffer.wrap(note));
    } catch (UnmappedAddressException outside) {
      return Optional.empty();
    }
    return Vmcoreinfo.at(note, 0, note.length)
        .map(
            info ->
                new GuestVmcoreinfo(
                    info, "at 0x%x, as QEMU's vmcoreinfo device was told".formatted(physical)));
  }
}
