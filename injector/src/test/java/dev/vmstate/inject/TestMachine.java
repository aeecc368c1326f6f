package dev.vmstate.inject;

import dev.vmstate.bytes.Progress;
import dev.vmstate.exchange.CoreFormat;
import dev.vmstate.exchange.Extraction;
import dev.vmstate.fixtures.DeviceFields;
import dev.vmstate.fixtures.MigrationStreamBuilder;
import dev.vmstate.fixtures.PageItems;
import dev.vmstate.snapshot.StreamSnapshot;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.stream.LongStream;

/**
 * A machine with two CPUs and three RAM blocks, whose stream is built by hand and whose memory is
 * remembered by what was sent: an oracle that never asks the code under test.
 *
 * <p>{@code pc.ram} stands at 0; {@code pc.bios} below 4 GiB and, for its last 64 KiB, below 1 MiB
 * as well; {@code vga.vram} has no device that would show it to a CPU.
 */
public final class TestMachine {
  public static final int PAGE = 4096;
  public static final String RAM = "pc.ram";
  public static final String BIOS = "pc.bios";
  public static final String VRAM = "0000:00:02.0/vga.vram";
  public static final int RAM_PAGES = 96;
  public static final int BIOS_PAGES = 16;
  public static final int VRAM_PAGES = 8;
  public static final long BIOS_HIGH = 0x1_0000_0000L - BIOS_PAGES * PAGE;
  public static final long BIOS_LOW = 0x10_0000L - BIOS_PAGES * PAGE;

  /** One pass over RAM. */
  public final class Pass {
    private final PageItems items;

    Pass(PageItems items) {
      this.items = items;
    }

    public Pass page(String block, int page, byte[] bytes) {
      items.page(block, page, bytes);
      put(block, page, bytes, true);
      return this;
    }

    /** Random bytes: no two pages are alike, so a page is found in the stream by its bytes. */
    public Pass page(String block, int page) {
      byte[] bytes = new byte[PAGE];
      random.nextBytes(bytes);
      return page(block, page, bytes);
    }

    public Pass pages(String block, int first, int count) {
      for (int i = 0; i < count; i++) {
        page(block, first + i);
      }
      return this;
    }

    public Pass fill(String block, int page, int value) {
      items.fill(block, page, value);
      byte[] bytes = new byte[PAGE];
      Arrays.fill(bytes, (byte) value);
      put(block, page, bytes, false);
      return this;
    }

    public Pass fills(String block, int first, int count, int value) {
      for (int i = 0; i < count; i++) {
        fill(block, first + i, value);
      }
      return this;
    }

    /** A page that QEMU compressed, or one it had sent as zeros and then wrote a delta of. */
    public Pass packed(String block, int page, byte[] bytes, boolean compressed) {
      if (compressed) {
        items.compressed(block, page, bytes);
      } else {
        ByteBuffer delta = ByteBuffer.allocate(3 + PAGE / 2);
        delta.put((byte) 0).put((byte) 0x80).put((byte) 0x10).put(bytes, 0, PAGE / 2);
        Arrays.fill(bytes, PAGE / 2, PAGE, (byte) 0);
        items.zero(block, page).delta(block, page, delta.array());
      }
      put(block, page, bytes, false);
      return this;
    }

    public Pass mark() {
      items.named();
      return this;
    }
  }

  /** Says the items of a pass. */
  public interface Items {
    void to(Pass pass);
  }

  public final SplittableRandom random;
  public final MigrationStreamBuilder builder = new MigrationStreamBuilder("pc-i440fx-7.2");
  private final Map<String, byte[]> memory = new LinkedHashMap<>();
  private final Map<String, Boolean> data = new LinkedHashMap<>();
  private final long[] rip = {0x1111_2222_3333_4444L, 0x5555_6666_7777_8888L};
  private int ramPages = RAM_PAGES;
  private byte[] stream;
  private boolean early;
  private boolean blocksSaid;

  public TestMachine(long seed) {
    random = new SplittableRandom(seed);
  }

  /** The seeds of property tests; {@code -Dvmstate.seed=N} is one alone. */
  public static LongStream seeds(int count) {
    Long one = Long.getLong("vmstate.seed");
    return one != null ? LongStream.of(one) : LongStream.range(0, count);
  }

  /** A machine with every kind of record; how it is framed depends on the seed. */
  public static TestMachine random(long seed) {
    TestMachine machine = new TestMachine(seed);
    int passes = 1 + machine.random.nextInt(4);
    for (int i = 0; i < passes; i++) {
      int share = 1 + machine.random.nextInt(4);
      machine.part(pass -> machine.scatter(pass, share));
      if (machine.random.nextInt(3) == 0) {
        machine.builder.command(11);
      }
    }
    if (machine.random.nextBoolean()) {
      machine.end(pass -> machine.scatter(pass, 8));
    }
    if (machine.random.nextBoolean()) {
      machine.builder.padding(machine.random.nextInt(10_000));
    }
    machine.early = machine.random.nextBoolean();
    return machine;
  }

  /** A machine in a mapped-ram file; where the file starts the stream depends on nobody here. */
  public static TestMachine mapped(long seed) {
    TestMachine machine = new TestMachine(seed);
    machine.builder.mappedRam(PAGE);
    machine.part(pass -> {});
    for (String block : machine.memory.keySet()) {
      int share = 1 + machine.random.nextInt(4);
      for (int page = 0; page < machine.memory.get(block).length / PAGE; page++) {
        switch (machine.random.nextInt(2 * share)) {
          case 0 -> {
            byte[] bytes = new byte[PAGE];
            machine.random.nextBytes(bytes);
            machine.builder.mappedPage(block, page, bytes);
            machine.put(block, page, bytes, true);
          }
          case 1 -> machine.builder.stalePage(block, page, page);
          default -> {}
        }
      }
    }
    return machine;
  }

  private void scatter(Pass pass, int share) {
    for (String block : memory.keySet()) {
      for (int page = 0; page < memory.get(block).length / PAGE; page++) {
        switch (random.nextInt(4 * share)) {
          case 0, 1 -> pass.page(block, page);
          case 2 -> pass.fill(block, page, 0);
          case 3 -> pass.fill(block, page, random.nextInt(3) == 0 ? random.nextInt(256) : 0);
          default -> {
            if (random.nextInt(50) == 0) {
              pass.mark();
            }
          }
        }
      }
    }
  }

  /** Pages of pc.ram, before the first pass. */
  public TestMachine ramPages(int pages) {
    ramPages = pages;
    return this;
  }

  public TestMachine part(Items items) {
    blocks();
    builder.part(page -> items.to(new Pass(page)));
    return this;
  }

  public TestMachine end(Items items) {
    blocks();
    builder.end(page -> items.to(new Pass(page)));
    return this;
  }

  /** Puts the first device's section before RAM, as QEMU 10 does with virtio-mem's. */
  public TestMachine withEarlySection() {
    early = true;
    return this;
  }

  private void blocks() {
    if (!blocksSaid) {
      blocksSaid = true;
      block(RAM, ramPages);
      block(BIOS, BIOS_PAGES);
      block(VRAM, VRAM_PAGES);
    }
  }

  private void block(String name, int pages) {
    builder.block(name, (long) pages * PAGE);
    memory.put(name, new byte[pages * PAGE]);
  }

  private void put(String block, int page, byte[] bytes, boolean isData) {
    byte[] whole = memory.get(block);
    Arrays.fill(whole, page * PAGE, (page + 1) * PAGE, (byte) 0);
    System.arraycopy(bytes, 0, whole, page * PAGE, bytes.length);
    data.put(block + "/" + page, isData);
  }

  /** The memory a QEMU would have after loading the stream. */
  public byte[] memory(String block) {
    return memory.get(block).clone();
  }

  /** Whether the last record of a page has its bytes. */
  public boolean isData(String block, int page) {
    return data.getOrDefault(block + "/" + page, false);
  }

  /** Where the bytes of a page's last record stand in {@code stream}. */
  public int dataAt(byte[] stream, String block, int page) {
    byte[] bytes = Arrays.copyOfRange(memory.get(block), page * PAGE, (page + 1) * PAGE);
    return lastIndexOf(stream, bytes);
  }

  /** Where the EOS word of the last ram section stands. */
  public int appendAt(byte[] stream) {
    byte[] first = "\u0005timer\0\0\0\0\0\0\0\2".getBytes(StandardCharsets.ISO_8859_1);
    return lastIndexOf(stream, first) - 5 - 5 - 8; // section header, ram's footer, EOS
  }

  private static int lastIndexOf(byte[] in, byte[] what) {
    for (int at = in.length - what.length; at >= 0; at--) {
      if (in[at] == what[0] && Arrays.equals(in, at, at + what.length, what, 0, what.length)) {
        return at;
      }
    }
    throw new AssertionError("bytes that are not in the stream");
  }

  /** The stream; ends what can be said. */
  public byte[] stream() {
    if (stream == null) {
      stream = build();
    }
    return stream.clone();
  }

  private byte[] build() {
    blocks();
    if (early) {
      builder.device("early", 1, fields -> fields.u32("requested", 0x0102_0304));
    }
    builder.device(
        "timer",
        2,
        fields ->
            fields
                .i64("ticks", -5)
                .u32("period", 0xdead)
                .array("counters", "uint16", 1, 2, 3, 4)
                .buffer("opaque", new byte[300]));
    for (int i = 0; i < rip.length; i++) {
      int cpu = i;
      builder.device("cpu", i, 12, "cpu", fields -> cpu(fields, cpu));
    }
    byte[] built = builder.build();
    return early ? moveEarly(built) : built;
  }

  /** Cuts the section out from behind RAM and puts it where the first page record would be. */
  private static byte[] moveEarly(byte[] stream) {
    byte[] name = "\u0005early".getBytes(StandardCharsets.ISO_8859_1);
    int from = lastIndexOf(stream, name) - 5;
    int length = 5 + 6 + 8 + 4 + 5;
    byte[] vram = "vga.vram".getBytes(StandardCharsets.ISO_8859_1);
    int setup = 0;
    while (!Arrays.equals(stream, setup, setup + vram.length, vram, 0, vram.length)) {
      setup++;
    }
    int to = setup + vram.length + 8 + 8 + 5; // the block's length, EOS, footer
    ByteBuffer out = ByteBuffer.allocate(stream.length);
    out.put(stream, 0, to).put(stream, from, length).put(stream, to, from - to);
    return out.put(stream, from + length, stream.length - from - length).array();
  }

  private void cpu(DeviceFields fields, int cpu) {
    long[] regs = new long[16];
    Arrays.setAll(regs, i -> 0x1000L * (cpu + 1) + i);
    fields
        .array("env.regs", "uint64", regs)
        .u64("env.eip", rip[cpu])
        .u64("env.eflags", 0x246)
        .structs("env.segs", "segment", 1, 6, (segment, i) -> segment(segment, 0x10L + i))
        .struct("env.ldt", "segment", 1, segment -> segment(segment, 0x50))
        .struct("env.tr", "segment", 1, segment -> segment(segment, 0x60))
        .struct("env.gdt", "segment", 1, segment -> segment(segment, 0))
        .struct("env.idt", "segment", 1, segment -> segment(segment, 0))
        .u64("env.cr[0]", 0x11)
        .u64("env.cr[2]", 0xcc2)
        .u64("env.cr[3]", 0)
        .u64("env.cr[4]", 0x20)
        .u64("env.kernelgsbase", 0xffff_8000_0000_0000L);
  }

  private static void segment(DeviceFields fields, long selector) {
    fields.u32("selector", selector).u64("base", selector << 12).u32("limit", 0xffff);
    fields.u32("flags", 0x9300);
  }

  public Path write(Path file) throws IOException {
    return Files.write(file, stream());
  }

  /** Extracts everything into a directory. */
  public static Extraction.Result extract(Path snapshot, Path directory) throws IOException {
    return extract(snapshot, directory, new Extraction.Options(CoreFormat.ELF, true, false, null));
  }

  public static Extraction.Result extract(Path snapshot, Path directory, Extraction.Options options)
      throws IOException {
    try (StreamSnapshot opened = StreamSnapshot.open(snapshot)) {
      return Extraction.run(opened, directory, options, Progress.NONE);
    }
  }
}
