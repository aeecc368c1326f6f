package dev.vmstate.snapshot;

import dev.vmstate.fixtures.DeviceFields;
import dev.vmstate.fixtures.MigrationStreamBuilder;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.function.Consumer;

/** Small streams with one of everything in them. */
final class Streams {
  static final String E1000 = "0000:00:03.0/e1000";

  private Streams() {}

  static MigrationStreamBuilder head(String machine) {
    return new MigrationStreamBuilder(machine)
        .block("pc.ram", 0x8000)
        .block("0000:00:02.0/vga.vram", 0x2000);
  }

  static MigrationStreamBuilder withRam() {
    return head("pc-i440fx-7.2")
        .part(p -> p.page("pc.ram", 0, new byte[] {1, 2, 3}).zeros("pc.ram", 1, 3))
        .end(p -> p.fill("pc.ram", 0, 0).fill("0000:00:02.0/vga.vram", 1, 5));
  }

  /** The devices that have views over them, and one of each odd kind. */
  static MigrationStreamBuilder devices(MigrationStreamBuilder stream) {
    return stream
        .device("mc146818rtc", 3, d -> d.buffer("cmos_data", new byte[128]).i32("x", 1))
        .device("0000:00:00.0/I440FX", 3, d -> d.opaque("config", "pci config", new byte[256]))
        .device("0000:00:02.0/vga", 2, d -> d.struct("dev", "PCIDevice", 2, pci(0xfd00_0000L)))
        .device(E1000, 0, 2, "e1000", Streams::e1000)
        .device("0000:00:04.0/virtio-net", 11, d -> d.opaque("virtio", "virtio", virtioNet()))
        .device("cpu", 0, 12, "cpu", Streams::cpu)
        .device("i8259", 1, d -> d.u8("irr", 1))
        .device("i8259", 1, 1, "i8259", d -> d.u8("irr", 2))
        .device("queue", 1, d -> d.queue("q", "e", 1, 2, (e, i) -> e.u32("x", i)).u8("end", 1))
        .device("empty", 1, d -> {})
        .oldStyleDevice("slirp", 0, 4, new byte[] {1, 2, 3})
        .oldStyleDevice("slirp", 0, 4, new byte[] {4, 5, 6, 7, 8});
  }

  static MigrationStreamBuilder everything() {
    return devices(withRam());
  }

  private static Consumer<DeviceFields> pci(long bar) {
    byte[] config = new byte[256];
    ByteBuffer.wrap(config)
        .order(ByteOrder.LITTLE_ENDIAN)
        .putShort(4, (short) 2)
        .putInt(0x10, (int) bar);
    return d -> d.i32("version_id", 2).opaque("config", "pci config", config);
  }

  private static void e1000(DeviceFields fields) {
    long[] eeprom = new long[64];
    eeprom[0] = 0x5452;
    fields
        .array("mac_reg[0]", "uint32", 0x12005452L, 0x8000_5634L)
        .array("eeprom_data", "uint16", eeprom)
        .subsection("e1000/tx_tso_state", 1, s -> s.bool("on", true));
  }

  private static void cpu(DeviceFields fields) {
    fields
        .array("env.regs", "uint64", new long[16])
        .u64("env.eip", 0xfff0)
        .u64("env.eflags", 2)
        .structs("env.segs", "segment", 1, 6, (s, i) -> s.u32("selector", i).u64("base", i))
        .u64("env.cr[0]", 0x8005_0033L)
        .u64("env.cr[3]", 0x1000);
  }

  private static byte[] virtioNet() {
    ByteBuffer bytes = ByteBuffer.allocate(4 + 256 + 16 + 8 + 4 + 12 + 4 + 14 + 6 + 2);
    bytes.putInt(2).position(4 + 256 + 16 + 8);
    bytes.putInt(12).put(new byte[12]).putInt(1).put(new byte[14]);
    bytes.put(new byte[] {0x52, 0x54, 0, 1, 2, 3});
    return bytes.array();
  }
}
