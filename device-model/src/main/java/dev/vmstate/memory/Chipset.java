package dev.vmstate.memory;

import dev.vmstate.device.DeviceSection;
import dev.vmstate.device.PciConfig;
import java.io.IOException;
import java.util.List;
import java.util.Optional;

/**
 * Which RAM the host bridge hides: {@code hw/pci-host/pam.c}, {@code i440fx.c} (PAM registers 0x59
 * to 0x5f, SMRAM 0x72), {@code q35.c} (PAM 0x90 to 0x96, SMBASE 0x9c, SMRAM 0x9d, ESMRAMC 0x9e,
 * size of the extended TSEG 0x50).
 */
final class Chipset {
  private static final long MIB = 1L << 20;

  /** D_OPEN: SMRAM can be seen outside system management mode; firmware closes it. */
  private static final int SMRAM_OPEN = 0x40;

  /** G_SMRAME: there is SMRAM. */
  private static final int SMRAM_ENABLED = 0x08;

  private static final int SMBASE = 0x9c;
  private static final int SMBASE_LOCKED = 0x02;
  private static final int ESMRAMC = 0x9e;
  private static final int ESMRAMC_TSEG = 0x01;
  private static final int EXTENDED_TSEG = 0x50;

  /** MCH_HOST_BRIDGE_EXT_TSEG_MBYTES_MAX. */
  private static final int MOST_TSEG = 0xfff;

  /** The default of the property extended-tseg-mbytes; the register has it once it was asked. */
  private static final int DEFAULT_TSEG = 16;

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

  private boolean q35() {
    return config.isPresent() && smram == 0x9d;
  }

  boolean smramOpen() {
    return config.isPresent() && (config.get().u8(smram) & SMRAM_OPEN) != 0;
  }

  /** Bytes at the end of memory below 4 GiB that only system management mode sees. */
  long tseg() {
    if (!q35()
        || (config.get().u8(ESMRAMC) & ESMRAMC_TSEG) == 0
        || (config.get().u8(smram) & SMRAM_ENABLED) == 0) {
      return 0;
    }
    return switch (config.get().u8(ESMRAMC) >> 1 & 3) {
      case 0 -> MIB;
      case 1 -> 2 * MIB;
      case 2 -> 8 * MIB;
      default -> {
        int extended = config.get().u16(EXTENDED_TSEG);
        yield MIB * (extended > 0 && extended <= MOST_TSEG ? extended : DEFAULT_TSEG);
      }
    };
  }

  /** Whether the memory at 0x30000, where CPUs enter system management mode, is locked away. */
  boolean smbaseLocked() {
    return q35() && (config.get().u8(SMBASE) & SMBASE_LOCKED) != 0;
  }

  /**
   * Whether reads of {@code address}, 0xc0000 to 0xfffff, come from RAM. Bit 0 of the segment's
   * nibble enables reads, bit 1 writes; QEMU shows RAM for either (pam.c, init_pam: "should
   * distinguish read/write cases"). Without a known host bridge RAM is the better guess, since
   * every firmware shadows itself.
   */
  boolean shadowRam(long address) {
    if (config.isEmpty()) {
      return true;
    }
    if (address >= 0xf0000) {
      return (config.get().u8(pam) >> 4 & 3) != 0;
    }
    int segment = (int) (address - 0xc0000) >>> 14;
    return (config.get().u8(pam + 1 + segment / 2) >> (segment % 2 * 4) & 3) != 0;
  }
}
