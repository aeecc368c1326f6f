package dev.vmstate.cli.guest;

import com.fasterxml.jackson.databind.JsonNode;
import dev.vmstate.qemu.Qmp;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** The address a card of QEMU listens to, asked from QEMU. */
final class NicRegisters {
  /** In "info pci"; QEMU before 6.0 prints no subsystem. */
  private static final Pattern E1000_BAR =
      Pattern.compile(
          "PCI device 8086:100e.*?BAR0: 32 bit memory at 0x([0-9a-f]+)", Pattern.DOTALL);

  private NicRegisters() {}

  /** Registers RAL0 and RAH0, read as the guest would. */
  static String e1000(Qmp qmp) throws IOException {
    Matcher bar = E1000_BAR.matcher(qmp.human("info pci"));
    if (!bar.find()) {
      throw new AssertionError(qmp.human("info pci"));
    }
    long at = Long.parseLong(bar.group(1), 16) + 0x5400;
    Matcher words =
        Pattern.compile("0x([0-9a-f]{8})").matcher(qmp.human("xp /2xw 0x%x".formatted(at)));
    List<String> bytes = new ArrayList<>();
    while (words.find()) {
      int word = Integer.parseUnsignedInt(words.group(1), 16);
      for (int i = 0; i < 4 && bytes.size() < 6; i++) {
        bytes.add("%02x".formatted(word >> 8 * i & 0xff));
      }
    }
    return String.join(":", bytes);
  }

  /** Of the one card that has a filter to show: virtio-net alone. */
  static String rxFilter(Qmp qmp) throws IOException {
    JsonNode filters = qmp.execute("query-rx-filter");
    return filters.path(0).path("main-mac").asText();
  }
}
