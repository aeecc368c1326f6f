package dev.vmstate.memory;

import dev.vmstate.device.DeviceSection;
import dev.vmstate.device.DeviceSections;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.stream.Collectors;

/** What memory maps are made of, built by hand. */
final class MemoryInputs {
  static final long MIB = 1L << 20;
  static final long GIB = 1L << 30;

  private MemoryInputs() {}

  static RamBlock block(String name, long bytes) {
    return new RamBlock(name, bytes, 4096);
  }

  static DeviceSection cmos(long low, long high) throws IOException {
    byte[] data = new byte[128];
    long units = (low - 16 * MIB) >> 16;
    data[0x34] = (byte) units;
    data[0x35] = (byte) (units >> 8);
    data[0x5b] = (byte) (high >> 16);
    data[0x5c] = (byte) (high >> 24);
    data[0x5d] = (byte) (high >> 32);
    return DeviceSections.of("mc146818rtc", 0, d -> d.buffer("cmos_data", data).i32("x", 1));
  }

  /** An SRAT as build_srat writes it, behind other bytes. */
  static byte[] srat(long[]... nodeBaseBytesFlags) {
    ByteBuffer out = ByteBuffer.allocate(0x1000).order(ByteOrder.LITTLE_ENDIAN);
    out.position(0x321);
    out.put("SRAT".getBytes(StandardCharsets.US_ASCII))
        .putInt(48 + 16 + 40 * nodeBaseBytesFlags.length);
    out.position(0x321 + 48);
    out.put(new byte[] {0, 16}).position(out.position() + 14); // a processor's entry
    for (long[] e : nodeBaseBytesFlags) {
      out.put((byte) 1).put((byte) 40).putInt((int) e[0]).putShort((short) 0);
      out.putLong(e[1]).putLong(e[2]).putInt(0).putInt((int) e[3]).putLong(0);
    }
    return out.array();
  }

  static DeviceSection bridge(String name, int pam, int... registers) throws IOException {
    byte[] config = new byte[name.endsWith("mch") ? 4096 : 256];
    for (int i = 0; i < 7; i++) {
      config[pam + i] = (byte) registers[i];
    }
    return DeviceSections.of(name, 0, d -> d.opaque("config", "pci config", config));
  }

  /** {@code block:offset+bytes@address}, all in hex. */
  static String text(MemoryMap map) {
    return map.ranges().stream()
        .map(r -> "%d:%x+%x@%x".formatted(r.block(), r.offset(), r.bytes(), r.start()))
        .collect(Collectors.joining(" "));
  }
}
