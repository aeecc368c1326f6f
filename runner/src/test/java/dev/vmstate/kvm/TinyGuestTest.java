package dev.vmstate.kvm;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.vmstate.kvmstate.StateValue;
import java.io.IOException;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Code of a few bytes, and each way in which it comes back. */
@Timeout(60)
class TinyGuestTest {
  /** {@code mov dx,0x3f8; add al,bl; add al,'0'; out dx,al; hlt}. */
  private static final String ADD = "ba f8 03 00 d8 04 30 ee f4";

  private static final String SPIN = "eb fe";

  private static Kvm kvm() {
    return KvmHost.open();
  }

  @Test
  void twoAndTwoAreFour() throws IOException {
    try (Kvm kvm = kvm();
        TinyGuest guest = new TinyGuest(kvm, ADD)) {
      guest.vcpu.setRegs(guest.vcpu.regs().set("rax", 2).set("rbx", 2));
      assertTrue(guest.vcpu.run());
      KvmRun exit = guest.vcpu.exit();
      assertEquals(KvmRun.EXIT_IO, exit.exitReason());
      assertTrue(exit.ioOut());
      assertEquals(0x3f8, exit.ioPort());
      assertEquals(1, exit.ioSize());
      assertEquals(1, exit.ioCount());
      assertEquals('4', exit.ioValue());
      assertTrue(guest.vcpu.complete());
      assertEquals(0x1008, guest.vcpu.regs().get("rip"));
      assertTrue(guest.vcpu.run());
      assertEquals(KvmRun.EXIT_HLT, exit.exitReason());
      StateValue regs = guest.vcpu.regs();
      assertEquals('4', regs.get("rax"));
      assertEquals(0x3f8, regs.get("rdx"));
      assertEquals(0x1009, regs.get("rip"));
    }
  }

  @Test
  void whatAnInReadsIsInTheRegisterOnceItIsComplete() throws IOException {
    // mov dx,0x1234; in eax,dx; hlt
    try (Kvm kvm = kvm();
        TinyGuest guest = new TinyGuest(kvm, "ba 34 12 66 ed f4")) {
      assertTrue(guest.vcpu.run());
      KvmRun exit = guest.vcpu.exit();
      assertFalse(exit.ioOut());
      assertEquals(4, exit.ioSize());
      exit.ioValue(0x89abcdefL);
      assertEquals(0, guest.vcpu.regs().get("rax"));
      assertEquals(0x1003, guest.vcpu.regs().get("rip"));
      assertTrue(guest.vcpu.complete());
      assertEquals(0x89abcdefL, guest.vcpu.regs().get("rax"));
      assertEquals(0x1005, guest.vcpu.regs().get("rip"));
      assertTrue(guest.vcpu.run());
      assertEquals(KvmRun.EXIT_HLT, exit.exitReason());
      assertThrows(IllegalStateException.class, exit::ioData);
    }
  }

  @Test
  void aStringInstructionReadsManyValuesInOneExit() throws IOException {
    // mov dx,0x60; mov di,0x2000; mov cx,5; cld; rep insb; hlt
    try (Kvm kvm = kvm();
        TinyGuest guest = new TinyGuest(kvm, "ba 60 00 bf 00 20 b9 05 00 fc f3 6c f4")) {
      byte[] typed = {'h', 'e', 'l', 'l', 'o'};
      int read = 0;
      while (guest.vcpu.run() && guest.vcpu.exit().exitReason() == KvmRun.EXIT_IO) {
        byte[] part = new byte[guest.vcpu.exit().ioCount()];
        System.arraycopy(typed, read, part, 0, part.length);
        read += part.length;
        guest.vcpu.exit().ioData(part);
        assertThrows(IllegalArgumentException.class, () -> guest.vcpu.exit().ioData(new byte[100]));
      }
      byte[] bytes = new byte[typed.length];
      guest.memory.read(0x2000, bytes);
      assertArrayEquals(typed, bytes);
    }
  }

  @Test
  void loadsAndStoresOutsideOfRamAreExits() throws IOException {
    // mov ax,0x2000 ; mov ds,ax ; mov [0x10],ax ; mov eax,[0x20] ; hlt
    try (Kvm kvm = kvm();
        TinyGuest guest = new TinyGuest(kvm, "b8 00 20 8e d8 a3 10 00 66 a1 20 00 f4")) {
      KvmRun exit = guest.vcpu.exit();
      assertTrue(guest.vcpu.run());
      assertEquals(KvmRun.EXIT_MMIO, exit.exitReason());
      assertEquals(0x20010, exit.mmioAddress());
      assertEquals(2, exit.mmioLength());
      assertTrue(exit.mmioWrite());
      assertEquals(0x2000, exit.mmioValue());
      assertArrayEquals(new byte[] {0, 0x20}, exit.mmioData());
      assertTrue(guest.vcpu.run());
      assertEquals(KvmRun.EXIT_MMIO, exit.exitReason());
      assertEquals(0x20020, exit.mmioAddress());
      assertFalse(exit.mmioWrite());
      exit.mmioValue(0x1122334455667788L);
      assertTrue(guest.vcpu.complete());
      assertEquals(0x55667788L, guest.vcpu.regs().get("rax"));
    }
  }

  @Test
  void aLoadAcrossAPageIsCompleteAfterItsSecondExit() throws IOException {
    // mov ax,0x2000 ; mov ds,ax ; mov eax,[0x0ffe] ; hlt
    try (Kvm kvm = kvm();
        TinyGuest guest = new TinyGuest(kvm, "b8 00 20 8e d8 66 a1 fe 0f f4")) {
      KvmRun exit = guest.vcpu.exit();
      assertTrue(guest.vcpu.run());
      assertEquals(2, exit.mmioLength());
      exit.mmioData(new byte[] {1, 2});
      assertFalse(guest.vcpu.complete());
      assertEquals(0x21000, exit.mmioAddress());
      exit.mmioData(new byte[] {3, 4});
      assertTrue(guest.vcpu.complete());
      assertEquals(0x04030201, guest.vcpu.regs().get("rax"));
    }
  }

  @Test
  void aKickEndsAGuestThatSpins() throws Exception {
    try (Kvm kvm = kvm();
        TinyGuest guest = new TinyGuest(kvm, SPIN)) {
      for (int i = 0; i < 200; i++) {
        CountDownLatch started = new CountDownLatch(1);
        AtomicReference<Object> result = new AtomicReference<>();
        Thread runner =
            new Thread(
                () -> {
                  try {
                    started.countDown();
                    result.set(guest.vcpu.run());
                    guest.vcpu.exit().immediateExit(false);
                  } catch (IOException | RuntimeException e) {
                    result.set(e);
                  }
                });
        runner.start();
        assertTrue(started.await(30, TimeUnit.SECONDS));
        if (i % 2 == 1) {
          // Anywhere on its way into the kernel, or in it.
          Thread.onSpinWait();
        }
        guest.vcpu.kick();
        runner.join(30_000);
        assertEquals(false, result.get(), "kick " + i);
        assertEquals(TinyGuest.CODE, guest.vcpu.regs().get("rip"));
      }
    }
  }

  /** Where HLT is the kernel's matter, KVM_RUN waits in it. */
  @Test
  void aKickEndsAGuestThatIsHalted() throws Exception {
    try (Kvm kvm = kvm();
        TinyGuest guest = new TinyGuest(kvm, "e6 80 f4", true)) {
      assertTrue(guest.vcpu.run());
      AtomicReference<Object> result = new AtomicReference<>();
      Thread runner =
          new Thread(
              () -> {
                try {
                  result.set(guest.vcpu.run());
                } catch (IOException | RuntimeException e) {
                  result.set(e);
                }
              });
      runner.start();
      guest.vcpu.kick();
      runner.join(30_000);
      assertEquals(false, result.get());
      guest.vcpu.exit().immediateExit(false);
      assertTrue(List.of(0, 3).contains(guest.vcpu.mpState()));
    }
  }

  @Test
  void aKickBeforeTheRunIsNotLost() throws IOException {
    try (Kvm kvm = kvm();
        TinyGuest guest = new TinyGuest(kvm, SPIN)) {
      guest.vcpu.kick();
      assertFalse(guest.vcpu.run());
      assertFalse(guest.vcpu.run());
    }
  }

  @Test
  void othersAreRefusedWhileItRunsInsteadOfWaitingForever() throws Exception {
    try (Kvm kvm = kvm();
        TinyGuest guest = new TinyGuest(kvm, "e6 80 " + SPIN)) {
      assertTrue(guest.vcpu.run());
      Thread runner =
          new Thread(
              () -> {
                try {
                  guest.vcpu.run();
                } catch (IOException e) {
                  throw new IllegalStateException(e);
                }
              });
      runner.start();
      IllegalStateException refused = null;
      while (refused == null && runner.isAlive()) {
        try {
          guest.vcpu.mpState();
          Thread.onSpinWait();
        } catch (IllegalStateException e) {
          refused = e;
        }
      }
      assertTrue(String.valueOf(refused).contains("vCPU 0 runs in"), String.valueOf(refused));
      assertThrows(IllegalStateException.class, guest.vcpu::close);
      guest.vcpu.kick();
      runner.join(30_000);
      assertFalse(runner.isAlive());
      assertEquals(0, guest.vcpu.mpState());
    }
  }

  @Test
  void codeWhereThereIsNoRamIsAnInternalError() throws IOException {
    // jmp 0x2000:0
    try (Kvm kvm = kvm();
        TinyGuest guest = new TinyGuest(kvm, "ea 00 00 00 20")) {
      KvmRun exit = guest.vcpu.exit();
      assertTrue(guest.vcpu.run());
      assertEquals("KVM_EXIT_INTERNAL_ERROR", KvmRun.nameOf(exit.exitReason()));
      assertEquals(KvmRun.INTERNAL_ERROR_EMULATION, exit.suberror());
      assertEquals(0x20000, guest.vcpu.sregs().get("cs.base"));
    }
  }

  @Test
  void anInstructionThatCannotBeEmulatedIsShown() throws IOException {
    // popcnt ax,ax; hlt
    try (Kvm kvm = kvm();
        TinyGuest guest = new TinyGuest(kvm, "f3 0f b8 c0 f4")) {
      KvmRun exit = guest.vcpu.exit();
      assertTrue(guest.vcpu.run());
      assumeTrue(
          exit.exitReason() == KvmRun.EXIT_INTERNAL_ERROR,
          "the processor does it here, nothing is emulated");
      byte[] bytes = exit.instructionBytes();
      assertArrayEquals(
          HexFormat.of().parseHex("f30fb8c0f4"), Arrays.copyOf(bytes, 5), Arrays.toString(bytes));
    }
  }
}
