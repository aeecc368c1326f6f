package dev.vmstate.core.process;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vmstate.core.Cpus;
import dev.vmstate.core.objects.KernelObjects;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class ThreadRegistersTest {
  private static final long USER = 0x5500_0000L;
  private static final int ORIG = 15;
  private static final int RIP = 16;
  private static final int RSP = 19;

  private final HandThread thread = new HandThread();

  private Optional<UserRegisters> found(String... cpus) throws IOException {
    KernelObjects objects = thread.objects();
    List<dev.vmstate.cpu.X86Cpu> all =
        cpus.length == 0 ? List.of() : List.of(Cpus.of(0, cpus[0] + " tr.base=1 gs.base=0"));
    return new ThreadRegisters(objects, RunningTasks.of(objects, all))
        .of(objects.at("task_struct", HandThread.TASK));
  }

  @Test
  void aBlockedThreadHasThemAtTheTopOfItsStack() throws IOException {
    thread.stacksOf(0x4000).frame(HandThread.STACK + 0x4000, USER);
    UserRegisters registers = found().orElseThrow();
    assertEquals(USER, registers.get("r15"));
    assertEquals(USER + ORIG, registers.get("orig_rax"));
    assertEquals(USER + RIP, registers.get("rip"));
    assertEquals(USER + RSP, registers.get("rsp"));
    assertEquals(0x33, registers.get("cs"), "FRED's bits above the selector are no part of it");
    assertEquals(0x7f00_1000, registers.get("fs_base"));
    assertEquals(0x7f00_2000, registers.get("gs_base"));
    assertEquals(0x2b, registers.get("gs"));
  }

  @Test
  void stacksAreAsLargeAsTheKernelHasThem() throws IOException {
    thread
        .stacksOf(0x8000)
        .frame(HandThread.STACK + 0x8000 - 16, USER); // KASAN, and FRED's padding
    assertEquals(USER + RIP, found().orElseThrow().get("rip"));
  }

  @Test
  void aStackWithoutUserSelectorsHasNone() throws IOException {
    assertTrue(found().isEmpty());
  }

  @Test
  void inUserModeTheCpuHasThem() throws IOException {
    thread
        .running()
        .frame(HandThread.STACK + 0x4000, USER); // of the last time it was in the kernel
    UserRegisters registers =
        found(
                "rip=401000 rsp=7ffe0000 rax=5 rflags=10246 cs.selector=33 ss.selector=2b"
                    + " fs.base=7f003000 fs.selector=0 r15=f kernel_gs_base="
                    + Long.toHexString(HandThread.PER_CPU))
            .orElseThrow();
    assertEquals(0x401000, registers.get("rip"));
    assertEquals(0xf, registers.get("r15"));
    assertEquals(0x10246, registers.get("eflags"));
    assertEquals(-1, registers.get("orig_rax"));
    assertEquals(0x7f00_3000, registers.get("fs_base"));
  }

  @Test
  void inTheKernelTheStackHasThemAndTheCpuTheBases() throws IOException {
    thread.running().frame(HandThread.STACK + 0x4000, USER);
    UserRegisters registers =
        found(
                "rip=ffff888000001000 rsp=ffff888000043000 cs.selector=10 fs.base=7f003000"
                    + " kernel_gs_base=7f004000")
            .orElseThrow();
    assertEquals(USER + RIP, registers.get("rip"));
    assertEquals(0x7f00_3000, registers.get("fs_base"));
  }

  @Test
  void atTheFirstInstructionOfASystemCallNothingIsInMemory() throws IOException {
    thread.running().frame(HandThread.STACK + 0x4000, USER);
    UserRegisters registers =
        found(
                "rip=%x rsp=7ffe0000 rcx=401234 r11=202 rax=27 rdi=77 cs.selector=10"
                    .formatted(HandThread.TEXT + 0x80))
            .orElseThrow();
    assertEquals(0x401234, registers.get("rip"));
    assertEquals(0x202, registers.get("eflags"));
    assertEquals(0x7ffe_0000, registers.get("rsp"));
    assertEquals(0x27, registers.get("orig_rax"));
    assertEquals(-38, registers.get("rax"));
    assertEquals(0x77, registers.get("rdi"));
    assertEquals(0x33, registers.get("cs"));
  }

  @Test
  void aLittleLaterTheStackPointerIsInTheTaskStateSegment() throws IOException {
    thread
        .running()
        .frame(HandThread.STACK + 0x4000, USER)
        .kernel
        .put(HandThread.PER_CPU + HandThread.TSS, "tss_struct", "x86_tss.sp2", 0x7ffe_1000);
    UserRegisters registers =
        found(
                "rip=%x rsp=%x rcx=401234 r11=202 cs.selector=10"
                    .formatted(HandThread.TEXT + 0xa9, HandThread.STACK + 0x4000))
            .orElseThrow();
    assertEquals(0x7ffe_1000, registers.get("rsp"));
  }

  @Test
  void whatIsNotPushedYetIsInTheCpu() throws IOException {
    long top = HandThread.STACK + 0x4000;
    thread.running().frame(top, USER); // r15 to r8 in it are those of the call before
    UserRegisters registers =
        found(
                "rip=%x rsp=%x r15=f rax=a cs.selector=10"
                    .formatted(HandThread.TEXT + 0xc0, top - 168 + 8 * 10))
            .orElseThrow();
    assertEquals(0xf, registers.get("r15"));
    assertEquals(USER + 10, registers.get("rax"));
    assertEquals(USER + RIP, registers.get("rip"));
  }

  @Test
  void anExceptionStartsOnTheEntryStack() throws IOException {
    thread
        .running()
        .frame(HandThread.STACK + 0x4000, USER)
        .frame(HandThread.ENTRY_STACK, USER + 0x1000);
    String place = "rip=%x rsp=%x r15=f cs.selector=10";
    long rsp = HandThread.ENTRY_STACK - 168 + 8 * 10;
    UserRegisters registers = found(place.formatted(HandThread.TEXT + 0x910, rsp)).orElseThrow();
    assertEquals(USER + 0x1000 + RIP, registers.get("rip"));
    assertEquals(0xf, registers.get("r15"));
    UserRegisters leaving = found(place.formatted(HandThread.TEXT + 0x810, rsp)).orElseThrow();
    assertEquals(USER + RIP, leaving.get("rip"), "on the way back the task's stack has them");
    assertEquals(USER, leaving.get("r15"));
  }

  @Test
  void errorEntryHasItsReturnAddressWhereRdiGoes() throws IOException {
    long rsp = HandThread.ENTRY_STACK - 168 + 8 * 14;
    thread.running().frame(HandThread.ENTRY_STACK, USER).kernel.word(rsp, HandThread.TEXT + 0x905);
    UserRegisters registers =
        found("rip=%x rsp=%x rdi=77 cs.selector=10".formatted(HandThread.TEXT + 0x910, rsp))
            .orElseThrow();
    assertEquals(0x77, registers.get("rdi"));
    assertEquals(USER + RIP, registers.get("rip"));
  }

  @Test
  void i386HasItsOwnOrder() {
    UserRegisters registers =
        new UserRegisters(java.util.Map.of("rbx", 0x1_0000_0001L, "rip", 0x2L, "ss", 0x2bL));
    ByteBuffer out = ByteBuffer.allocate(68).order(ByteOrder.LITTLE_ENDIAN);
    registers.encodeI386(out);
    assertEquals(1, out.getInt(0));
    assertEquals(2, out.getInt(4 * 12));
    assertEquals(0x2b, out.getInt(4 * 16));
  }
}
