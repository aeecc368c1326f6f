package dev.vmstate.machine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vmstate.bytes.FormatException;
import dev.vmstate.kvmstate.KvmStructs;
import dev.vmstate.kvmstate.StateValue;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import org.junit.jupiter.api.Test;

/** What the first instruction finds: numbers are from Intel's manual and the protocols' headers. */
class BootTest {
  private static final Payload.Piece PIECE = new Payload.Piece(0x100000, 0, 0x1000, 0x1000);

  private final ArrayRam ram = new ArrayRam(0x200000);

  private static Payload payload(BootMode mode, Payload.Protocol protocol, Payload.Piece... at) {
    return new Payload(List.of(at), mode, at[0].gpa(), protocol);
  }

  private BootArea write(Payload payload, int cpus) throws IOException {
    return BootArea.write("guest", payload, "a line", cpus, ram);
  }

  @Test
  void everyAddressIsMappedWhereItIsUpToFourGigabytes() throws IOException {
    BootArea area = write(payload(BootMode.LONG64, Payload.Protocol.NONE, PIECE), 1);
    assertEquals(0x9000, area.root());
    StateValue sregs = KvmStructs.SREGS.zero();
    sregs.set("cr0", 0x80000001L).set("efer", 0x500).set("cr3", area.root());
    for (long linear : new long[] {0, 0x1234, 0x1fffff, 0x200000, 0xfee00020L, 0xffffffffL}) {
      assertEquals(OptionalLong.of(linear), LongModeWalk.physical(sregs, linear, ram));
    }
    assertEquals(OptionalLong.empty(), LongModeWalk.physical(sregs, 0x100000000L, ram));
    assertEquals(0x87, ram.u64(0xb000) & 0xfff, "present, writable, user, 2 MiB");
  }

  @Test
  void descriptorsAreWhatTheSegmentRegistersSay() throws IOException {
    Payload payload = payload(BootMode.LONG64, Payload.Protocol.NONE, PIECE);
    BootArea area = write(payload, 1);
    StateValue regs = KvmStructs.REGS.zero();
    StateValue sregs = KvmStructs.SREGS.zero();
    new BootRegisters(payload, area).boot(0, regs, sregs);
    for (String name : List.of("cs", "ds", "es", "fs", "gs", "ss", "tr")) {
      long descriptor = ram.u64(sregs.get("gdt.base") + sregs.get(name + ".selector"));
      assertEquals(descriptor >>> 40 & 0xf, sregs.get(name + ".type"), name);
      assertEquals(descriptor >>> 44 & 1, sregs.get(name + ".s"), name);
      assertEquals(descriptor >>> 47 & 1, sregs.get(name + ".present"), name);
      assertEquals(descriptor >>> 53 & 1, sregs.get(name + ".l"), name);
      assertEquals(descriptor >>> 54 & 1, sregs.get(name + ".db"), name);
      assertEquals(descriptor >>> 55 & 1, sregs.get(name + ".g"), name);
      long base = descriptor >>> 16 & 0xffffff | descriptor >>> 32 & 0xff000000L;
      assertEquals(base, sregs.get(name + ".base"), name);
      long limit = descriptor & 0xffff | descriptor >>> 32 & 0xf0000;
      long bytes = sregs.get(name + ".g") == 1 ? limit << 12 | 0xfff : limit;
      assertEquals(bytes, sregs.get(name + ".limit"), name);
    }
    assertEquals(0x100000, regs.get("rip"));
    assertEquals(2, regs.get("rflags"));
  }

  @Test
  void theAreaGivesWayToThePayload() throws IOException {
    Payload.Piece low = new Payload.Piece(0x1000, 0, 0x8000, 0x8000);
    assertEquals(0x9000, write(payload(BootMode.PROTECTED32, Payload.Protocol.NONE, low), 2).gdt());
    Payload.Piece all = new Payload.Piece(0, 0, 0x1ff000, 0x1ff000);
    FormatException e =
        assertThrows(
            FormatException.class,
            () -> write(payload(BootMode.LONG64, Payload.Protocol.NONE, all), 1));
    assertTrue(e.getMessage().contains("more --memory"), e.getMessage());
  }

  @Test
  void everyVcpuHasItsStackAndItsNumber() throws IOException {
    Payload payload = payload(BootMode.PROTECTED32, Payload.Protocol.NONE, PIECE);
    BootArea area = write(payload, 3);
    StateValue regs = KvmStructs.REGS.zero();
    for (int i = 0; i < 3; i++) {
      new BootRegisters(payload, area).boot(i, regs, KvmStructs.SREGS.zero());
      assertEquals(0xa000 + 0x1000 * i, regs.get("rsp"));
      assertEquals(i, regs.get("rdi"));
    }
  }

  @Test
  void realModeBeginsWithBaseZeroOrInItsSegment() {
    StateValue regs = KvmStructs.REGS.zero();
    StateValue sregs = KvmStructs.SREGS.zero();
    Payload.Piece high = new Payload.Piece(0x2abcd, 0, 1, 1);
    new BootRegisters(payload(BootMode.REAL16, Payload.Protocol.NONE, high), null)
        .boot(0, regs, sregs);
    assertEquals(0xabcd, regs.get("rip"));
    assertEquals(0x20000, sregs.get("cs.base"));
    assertEquals(0x2000, sregs.get("cs.selector"));
    assertEquals(0, sregs.get("cr0") & 1);
  }

  @Test
  void pvhStartInfoSaysWhereMemoryAndCommandLineAre() throws IOException {
    Payload payload = payload(BootMode.PROTECTED32, Payload.Protocol.PVH, PIECE);
    BootArea area = write(payload, 1);
    StateValue regs = KvmStructs.REGS.zero();
    new BootRegisters(payload, area).boot(0, regs, KvmStructs.SREGS.zero());
    long info = regs.get("rbx");
    assertEquals(0x336ec578, ram.u32(info));
    assertEquals(1, ram.u32(info + 4));
    assertEquals("a line", text(ram.u64(info + 24)));
    assertEquals(1, ram.u32(info + 48));
    long map = ram.u64(info + 40);
    assertEquals(0, ram.u64(map));
    assertEquals(0x200000, ram.u64(map + 8));
    assertEquals(1, ram.u32(map + 16));
  }

  @Test
  void multibootInformationSaysTheSame() throws IOException {
    Payload payload = payload(BootMode.PROTECTED32, Payload.Protocol.MULTIBOOT, PIECE);
    BootArea area = write(payload, 1);
    StateValue regs = KvmStructs.REGS.zero();
    new BootRegisters(payload, area).boot(0, regs, KvmStructs.SREGS.zero());
    assertEquals(0x2badb002, regs.get("rax"));
    long info = regs.get("rbx");
    assertEquals(0x245, ram.u32(info));
    assertEquals(640, ram.u32(info + 4));
    assertEquals(1024, ram.u32(info + 8));
    assertEquals("a line", text(ram.u32(info + 16)));
    assertEquals(24, ram.u32(info + 44));
    long map = ram.u32(info + 48);
    assertEquals(20, ram.u32(map));
    assertEquals(0x200000, ram.u64(map + 12));
    assertEquals("vmstate", text(ram.u32(info + 64)));
  }

  private String text(long at) {
    int end = (int) at;
    while (ram.bytes()[end] != 0) {
      end++;
    }
    return new String(ram.bytes(), (int) at, end - (int) at, StandardCharsets.UTF_8);
  }

  @Test
  void aCommandLineThatIsTooLongIsRefused() {
    Payload payload = payload(BootMode.PROTECTED32, Payload.Protocol.PVH, PIECE);
    assertThrows(
        FormatException.class, () -> BootArea.write("guest", payload, "x".repeat(4000), 1, ram));
  }

  @Test
  void registersAreSetByNameAndOthersAreRefused() {
    StateValue regs = KvmStructs.REGS.zero();
    StateValue sregs = KvmStructs.SREGS.zero();
    BootRegisters.set(Map.of("r15", -1L, "rflags", 0x200L, "cr3", 0x3000L), regs, sregs);
    assertEquals(-1, regs.get("r15"));
    assertEquals(0x202, regs.get("rflags"), "bit 1 is always set");
    assertEquals(0x3000, sregs.get("cr3"));
    IllegalArgumentException e =
        assertThrows(IllegalArgumentException.class, () -> BootRegisters.check(Map.of("eax", 1L)));
    assertTrue(e.getMessage().startsWith("'eax' is no register that can be set: rax, rbx"));
  }

  @Test
  void pauseConditionsAreReadFromText() {
    assertEquals(new PauseCondition.IoPort(0x3f8), PauseCondition.parse("io:0x3f8"));
    assertEquals(new PauseCondition.IoPort(1016), PauseCondition.parse("io:1016"));
    assertEquals(
        new PauseCondition.MmioAddress(0xfee00000L), PauseCondition.parse("mmio:0xfee00000"));
    assertEquals(new PauseCondition.Halt(), PauseCondition.parse("hlt"));
    for (String wrong : List.of("", "io", "io:", "io:x", "io:0x10000", "mmio:", "hlt:1", "x:1")) {
      assertThrows(IllegalArgumentException.class, () -> PauseCondition.parse(wrong), wrong);
    }
  }
}
