package dev.vmstate.firmware;

import dev.vmstate.device.DeviceSection;
import dev.vmstate.device.FieldPath;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;
import java.util.UUID;

/**
 * The VM generation id: 16 bytes of guest memory, at an address that the firmware has told QEMU
 * ({@code hw/acpi/vmgenid.c}, vmgenid_addr_le). Its first three parts are little-endian. QEMU
 * writes the one of its command line there whenever it loads a snapshot (vmgenid_post_load).
 */
public final class GenerationId {
  private GenerationId() {}

  /**
   * Where it stands.
   *
   * @throws IOException when the machine has none, or its firmware has not placed it yet
   */
  public static long address(List<DeviceSection> devices) throws IOException {
    for (DeviceSection device : devices) {
      if (device.name().equals("vmgenid")) {
        FieldPath field = FieldPath.in(device, "vmgenid_addr_le");
        if (field.span().length() == 8) {
          long address =
              ByteBuffer.wrap(device.source().bytes(field.span()))
                  .order(ByteOrder.LITTLE_ENDIAN)
                  .getLong();
          if (address == 0) {
            throw new IOException("vmgenid: the firmware has not placed it in memory yet");
          }
          return address;
        }
      }
    }
    throw new IOException("the machine has no vmgenid device");
  }

  /** As it stands in memory. */
  public static byte[] bytes(UUID id) {
    return swapped(
        ByteBuffer.allocate(16)
            .putLong(id.getMostSignificantBits())
            .putLong(id.getLeastSignificantBits())
            .array());
  }

  /** As people write it. */
  public static String text(byte[] bytes) {
    ByteBuffer id = ByteBuffer.wrap(swapped(bytes));
    return new UUID(id.getLong(), id.getLong()).toString();
  }

  /** Turns the first three parts around. */
  static byte[] swapped(byte[] id) {
    byte[] swapped = id.clone();
    int[] places = {3, 2, 1, 0, 5, 4, 7, 6};
    for (int i = 0; i < places.length; i++) {
      swapped[i] = id[places[i]];
    }
    return swapped;
  }
}
