package dev.vmstate.machine;

import dev.vmstate.bytes.FormatException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;

/**
 * What a kernel is told in memory: which RAM there is and its command line. Little-endian.
 *
 * <pre>
 * hvm_start_info (Xen, xen/include/public/arch-x86/hvm/start_info.h), version 1 ::= u32 magic
 *   0x336ec578, u32 version, u32 flags, u32 nr_modules, u64 modlist_paddr, u64 cmdline_paddr,
 *   u64 rsdp_paddr, u64 memmap_paddr, u32 memmap_entries, u32 reserved
 * hvm_memmap_table_entry ::= u64 addr, u64 size, u32 type (1: RAM), u32 reserved
 *
 * multiboot information (Multiboot Specification 0.6.96, 3.3) ::= u32 flags, u32 mem_lower,
 *   u32 mem_upper (KiB), u32 boot_device, u32 cmdline, u32 mods_count, u32 mods_addr, u32 syms[4],
 *   u32 mmap_length, u32 mmap_addr, …, at 64: u32 boot_loader_name
 * its entry of the memory map ::= u32 size of what follows (20), u64 addr, u64 len, u32 type
 * </pre>
 */
final class BootInformation {
  private static final int START_INFO_MAGIC = 0x336ec578;
  private static final int START_INFO_SIZE = 56;
  private static final int MEMMAP_ENTRY = 24;
  private static final int MULTIBOOT_SIZE = 120;
  private static final int MULTIBOOT_ENTRY = 24;
  private static final int MULTIBOOT_LOADER_NAME = 64;

  /** Memory, command line, memory map, name of the loader. */
  private static final int MULTIBOOT_FLAGS = 1 | 4 | 0x40 | 0x200;

  private static final int CONVENTIONAL_KIB = 640;
  private static final long MEGABYTE = 1 << 20;
  private static final int RAM = 1;
  private static final String LOADER = "vmstate\0";

  private final PhysicalRam ram;
  private final long at;
  private final int room;
  private final String name;

  BootInformation(PhysicalRam ram, long at, int room, String name) {
    this.ram = ram;
    this.at = at;
    this.room = room;
    this.name = name;
  }

  void pvh(String commandLine) throws IOException {
    byte[] line = line(commandLine);
    int entries = ram.ranges().size();
    int lineAt = START_INFO_SIZE + entries * MEMMAP_ENTRY;
    ByteBuffer info = buffer(lineAt + line.length);
    info.putInt(START_INFO_MAGIC).putInt(1).putInt(0).putInt(0).putLong(0);
    info.putLong(at + lineAt).putLong(0).putLong(at + START_INFO_SIZE).putInt(entries).putInt(0);
    for (PhysicalRam.Range range : ram.ranges()) {
      info.putLong(range.gpa()).putLong(range.length()).putInt(RAM).putInt(0);
    }
    ram.write(at, info.put(line).flip());
  }

  void multiboot(String commandLine) throws IOException {
    byte[] line = line(commandLine);
    byte[] loader = LOADER.getBytes(StandardCharsets.US_ASCII);
    int entries = ram.ranges().size();
    int mapAt = MULTIBOOT_SIZE;
    int loaderAt = mapAt + entries * MULTIBOOT_ENTRY;
    int lineAt = loaderAt + loader.length;
    long low = ram.ranges().get(0).length();
    ByteBuffer info = buffer(lineAt + line.length);
    info.putInt(MULTIBOOT_FLAGS)
        .putInt((int) Math.min(CONVENTIONAL_KIB, low / 1024))
        .putInt((int) (Math.max(0, low - MEGABYTE) / 1024))
        .putInt(0)
        .putInt((int) at + lineAt)
        .position(44)
        .putInt(entries * MULTIBOOT_ENTRY)
        .putInt((int) at + mapAt)
        .position(MULTIBOOT_LOADER_NAME)
        .putInt((int) at + loaderAt)
        .position(mapAt);
    for (PhysicalRam.Range range : ram.ranges()) {
      info.putInt(MULTIBOOT_ENTRY - 4).putLong(range.gpa()).putLong(range.length()).putInt(RAM);
    }
    ram.write(at, info.put(loader).put(line).flip());
  }

  private static byte[] line(String commandLine) {
    return (commandLine + "\0").getBytes(StandardCharsets.UTF_8);
  }

  private ByteBuffer buffer(int size) throws FormatException {
    if (size > room) {
      throw new FormatException(
          name, 0, "the command line is %d bytes too long".formatted(size - room));
    }
    return ByteBuffer.allocate(size).order(ByteOrder.LITTLE_ENDIAN);
  }
}
