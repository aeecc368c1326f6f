package dev.vmstate.memory;

import dev.vmstate.device.DeviceSection;
import dev.vmstate.device.PciConfig;
import java.io.IOException;
import java.util.List;
import java.util.Optional;

/**
 * What the host bridge shows below 1 MiB: {@code hw/pci-host/pam.c}, {@code i440fx.c} (PAM
 * registers 0x59 to 0x5f, SMRAM 0x72), {@code q35.c} (0x90 to 0x96, SMRAM 0x9d).
 */
final class Chipset {
  /** D_OPEN: SMRAM can be seen outside system management mode; firmware closes it. */
  private static final int SMRAM_OPEN = 0x40;

  private final Optional<PciConfig> config;
  private final int pam;
  private final int smram;

  private Chipset(Optional<PciConfig> config, int pam, int smram) {
    this.config = config;
    this.pam = pam;
    this.smram = smram;
  }

  static Chipset of(List<DeviceSection> devices) throws IOException {
    for (DeviceSection device : devices) {
      boolean i440fx = device.name().endsWith("/I440FX");
      if (i440fx || device.name().endsWith("/mch")) {
        Optional<PciConfig> config = PciConfig.of(device);
        if (config.isPresent()) {
          return i440fx ? new Chipset(config, 0x59, 0x72) : new Chipset(config, 0x90, 0x9d);
        }
      }
    }
    return new Chipset(Optional.empty(), 0, 0);
  }

  boolean smramOpen() {
    return config.isPresent() && (config.get().u8(smram) & SMRAM_OPEN) != 0;
  }

  /**
   * Whether reads of {@code address}, 0xc0000 to 0xfffff, come from RAM. Bit 0 of the segment's
   * nibble enables reads; without a known host bridge RAM is the better guess, since every firmware
   * shadows itself.
   */
  boolean shadowRam(long address) {
    if (config.isEmpty()) {
      return true;
    }
    if (address >= 0xf0000) {
      return (config.get().u8(pam) >> 4 & 1) != 0;
    }
    int segment = (int) (address - 0xc0000) >>> 14;
    return (config.get().u8(pam + 1 + segment / 2) >> (segment % 2 * 4) & 1) != 0;
  }
}
