package dev.vmstate.machine;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vmstate.kvmstate.MachineStructs;
import dev.vmstate.kvmstate.StateValue;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

/** Behaviour as the PC16550D data sheet has it; register numbers and bits are written out here. */
class Serial16550Test {
  private static final int DATA = 0;
  private static final int IER = 1;
  private static final int IIR = 2;
  private static final int FCR = 2;
  private static final int LCR = 3;
  private static final int MCR = 4;
  private static final int LSR = 5;
  private static final int MSR = 6;
  private static final int SCR = 7;

  private final ByteArrayOutputStream out = new ByteArrayOutputStream();
  private final List<Boolean> irq = new ArrayList<>();
  private final Serial16550 port = new Serial16550(out, irq::add);

  private void arrive(String text) throws IOException {
    byte[] bytes = text.getBytes(StandardCharsets.ISO_8859_1);
    port.arrive(bytes, bytes.length);
  }

  private String sent() {
    return out.toString(StandardCharsets.ISO_8859_1);
  }

  @Test
  void registersAfterResetAreThoseOfTheDataSheet() throws IOException {
    assertEquals(0, port.read(IER));
    assertEquals(0x01, port.read(IIR));
    assertEquals(0, port.read(LCR));
    assertEquals(0, port.read(MCR));
    assertEquals(0x60, port.read(LSR));
    assertEquals(0xb0, port.read(MSR));
    assertTrue(irq.isEmpty());
  }

  @Test
  void dlabShowsTheDivisorInPlaceOfDataAndInterruptEnable() throws IOException {
    port.write(IER, 0x0f);
    port.write(LCR, 0x83);
    port.write(0, 0x0c);
    port.write(1, 0x34);
    assertEquals(0x0c, port.read(0));
    assertEquals(0x34, port.read(1));
    port.write(LCR, 0x03);
    assertEquals(0x0f, port.read(IER));
    assertEquals("", sent());
  }

  @Test
  void interruptEnableHasFourBitsAndModemControlFiveAndScratchAll() throws IOException {
    port.write(IER, 0xff);
    port.write(MCR, 0xef);
    port.write(SCR, 0xa5);
    assertEquals(0xa5, port.read(SCR));
    assertEquals(0x0f, port.read(IER));
    assertEquals(0x0f, port.read(MCR));
  }

  @Test
  void identityShowsFifosOnlyWhenTheyAreOn() throws IOException {
    assertEquals(0, port.read(IIR) & 0xc0);
    port.write(FCR, 0x01);
    assertEquals(0xc0, port.read(IIR) & 0xc0);
    port.write(FCR, 0x00);
    assertEquals(0, port.read(IIR) & 0xc0);
  }

  @Test
  void aByteWrittenIsSentAndTheTransmitterIsEmptyAgain() throws IOException {
    port.write(DATA, 'A');
    assertEquals("A", sent());
    assertEquals(0x60, port.read(LSR) & 0x60);
  }

  @Test
  void enablingTheTransmittersInterruptRaisesItAtOnceAndReadingIirTakesItBack() throws IOException {
    port.write(MCR, 0x08);
    port.write(IER, 0x02);
    assertEquals(List.of(true), irq);
    assertEquals(0x02, port.read(IIR));
    assertEquals(0x01, port.read(IIR));
    assertEquals(List.of(true, false), irq);
    port.write(DATA, 'x');
    assertEquals(0x02, port.read(IIR));
  }

  @Test
  void withoutOut2NoInterruptLeavesThePort() throws IOException {
    port.write(IER, 0x02);
    assertEquals(0x02, port.read(IIR));
    assertTrue(irq.isEmpty());
    port.write(DATA, 'x');
    port.write(MCR, 0x08);
    assertEquals(List.of(true), irq);
  }

  @Test
  void aReceivedByteIsReadyOnceAndReadOnce() throws IOException {
    port.write(IER, 0x01);
    port.write(MCR, 0x08);
    arrive("3");
    assertEquals(List.of(true), irq);
    assertEquals(0x04, port.read(IIR));
    assertEquals(0x61, port.read(LSR));
    assertEquals('3', port.read(DATA));
    assertEquals(0x60, port.read(LSR));
    assertEquals(0x01, port.read(IIR));
    assertEquals(List.of(true, false), irq);
    assertEquals('3', port.read(DATA), "the receiver keeps its last byte");
  }

  @Test
  void theFifosTriggerLevelsDecideBetweenDataAndTimeout() throws IOException {
    int[] levels = {1, 4, 8, 14};
    for (int i = 0; i < levels.length; i++) {
      port.write(FCR, i << 6 | 0x07);
      port.write(IER, 0x01);
      if (levels[i] > 1) {
        arrive("x".repeat(levels[i] - 1));
        assertEquals(0xcc, port.read(IIR), "below " + levels[i] + " and the line is idle");
      }
      arrive("x");
      assertEquals(0xc4, port.read(IIR), "at " + levels[i]);
      for (int n = 0; n < levels[i]; n++) {
        port.read(DATA);
      }
      assertEquals(0xc1, port.read(IIR));
    }
  }

  @Test
  void sixteenBytesWaitInTheFifoAndMoreOnTheLine() throws IOException, InterruptedException {
    port.write(FCR, 0x01);
    assertEquals(16, port.awaitRoom(() -> false));
    arrive("0123456789abcdef");
    assertEquals(0, port.state().get("lsr") & 2, "no overrun");
    arrive("gh");
    StringBuilder read = new StringBuilder();
    while ((port.read(LSR) & 1) != 0) {
      read.append((char) port.read(DATA));
    }
    assertEquals("0123456789abcdefgh", read.toString());
  }

  @Test
  void withoutFifosThereIsRoomForOneByte() throws InterruptedException {
    assertEquals(1, port.awaitRoom(() -> false));
  }

  @Test
  void clearingTheReceiverDropsItsBytesAndTheBitDoesNotStay() throws IOException {
    port.write(FCR, 0x01);
    arrive("abc");
    port.write(FCR, 0x03);
    assertEquals(0x60, port.read(LSR));
    assertEquals(0x01, port.state().get("fcr"));
  }

  @Test
  void switchingFifosOnOrOffDropsTheirBytes() throws IOException {
    arrive("a");
    port.write(FCR, 0x01);
    assertEquals(0, port.read(LSR) & 1);
    arrive("b");
    port.write(FCR, 0x00);
    assertEquals(0, port.read(LSR) & 1);
  }

  @Test
  void loopbackBringsBytesBackAndSendsNothing() throws IOException {
    port.write(MCR, 0x10);
    port.write(DATA, 0x5a);
    assertEquals("", sent());
    assertEquals(0x61, port.read(LSR));
    assertEquals(0x5a, port.read(DATA));
  }

  @Test
  void loopbackShowsTheControlLinesAsModemLinesWithDeltas() throws IOException {
    port.write(MCR, 0x10);
    assertEquals(0x0b, port.read(MSR), "DSR, CTS and DCD went away");
    assertEquals(0x00, port.read(MSR));
    port.write(MCR, 0x1f);
    assertEquals(0xfb, port.read(MSR), "all came; RI has no delta when it comes");
    port.write(MCR, 0x1b);
    assertEquals(0xb4, port.read(MSR), "RI went: its trailing edge");
  }

  @Test
  void loopbackWithoutFifosOverrunsAndReadingLsrForgetsIt() throws IOException {
    port.write(MCR, 0x18);
    port.write(IER, 0x04);
    port.write(DATA, 1);
    port.write(DATA, 2);
    assertEquals(0x06, port.read(IIR), "the line's status has the highest priority");
    assertEquals(0x63, port.read(LSR));
    assertEquals(0x61, port.read(LSR));
    assertEquals(2, port.read(DATA), "the byte before is lost");
  }

  @Test
  void loopbackWithFifosKeepsTheFirstSixteen() throws IOException {
    port.write(FCR, 0x01);
    port.write(MCR, 0x10);
    for (int i = 0; i < 17; i++) {
      port.write(DATA, i);
    }
    assertEquals(0x63, port.read(LSR));
    for (int i = 0; i < 16; i++) {
      assertEquals(i, port.read(DATA));
    }
    assertEquals(0, port.read(LSR) & 1);
  }

  @Test
  void inputStaysOnTheLineDuringLoopbackAndComesAfterIt() throws IOException {
    port.write(MCR, 0x10);
    arrive("z");
    assertEquals(0, port.read(LSR) & 1);
    port.write(MCR, 0x00);
    assertEquals('z', port.read(DATA));
  }

  @Test
  void interruptsComeInTheOrderOfTheirPriority() throws IOException {
    port.write(IER, 0x0f);
    port.write(MCR, 0x10);
    port.write(DATA, 1);
    port.write(DATA, 2);
    assertEquals(0x06, port.read(IIR));
    port.read(LSR);
    assertEquals(0x04, port.read(IIR));
    port.read(DATA);
    assertEquals(0x02, port.read(IIR));
    assertEquals(0x00, port.read(IIR), "the modem's lines, changed by loopback");
    port.read(MSR);
    assertEquals(0x01, port.read(IIR));
  }

  @Test
  void aReadOfTheReceiverWaitsOnlyForAGuestThatHasNoOtherWay() throws IOException {
    assertFalse(port.ready(DATA, 1));
    arrive("ab");
    assertTrue(port.ready(DATA, 2));
    assertFalse(port.ready(DATA, 3));
    port.read(DATA);
    port.read(DATA);
    assertFalse(port.ready(DATA, 1));
    port.read(LSR);
    assertTrue(port.ready(DATA, 1), "whoever looks at LSR knows how to wait");
  }

  @Test
  void nothingWaitsAfterTheEndOfInput() throws IOException {
    port.end();
    assertTrue(port.ready(DATA, 1));
    assertEquals(0, port.read(DATA));
  }

  @Test
  void aRepeatedReadMakesRoomForAllItWants() throws Exception {
    Thread reader =
        new Thread(
            () -> {
              try {
                while (!port.ready(DATA, 100)) {
                  port.awaitReady(DATA, 100, () -> false);
                }
              } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
              }
            });
    reader.start();
    int given = 0;
    while (given < 100) {
      int room = port.awaitRoom(() -> false);
      arrive("x".repeat(room));
      given += room;
    }
    reader.join();
    for (int i = 0; i < 100; i++) {
      assertEquals('x', port.read(DATA));
    }
  }

  @Test
  void heldOutputIsStateAndIsSentWhenReleasedByWhoeverHasTheState() throws IOException {
    port.hold();
    port.write(DATA, '4');
    assertEquals("", sent());
    assertEquals(0x00, port.read(LSR) & 0x60);
    StateValue chip = port.state();
    assertEquals('4', chip.get("thr"));
    for (int i = 0; i < 2; i++) {
      ByteArrayOutputStream again = new ByteArrayOutputStream();
      Serial16550 restored = new Serial16550(again, IrqLine.NONE);
      restored.restore(chip, port.lineState());
      assertEquals("", again.toString(StandardCharsets.ISO_8859_1));
      restored.release();
      assertEquals("4", again.toString(StandardCharsets.ISO_8859_1));
      assertEquals(0x60, restored.read(LSR) & 0x60);
    }
    port.release();
    assertEquals("4", sent());
  }

  @Test
  void heldOutputBeyondTheFifoIsSentInItsOrder() throws IOException {
    port.write(FCR, 0x01);
    port.hold();
    for (int i = 0; i < 20; i++) {
      port.write(DATA, 'a' + i);
    }
    assertEquals("abcd", sent());
    port.release();
    assertEquals("abcdefghijklmnopqrst", sent());
  }

  @Test
  void unreadInputIsPartOfTheStateWithAndWithoutFifos() throws IOException {
    for (int fcr = 0; fcr < 2; fcr++) {
      Serial16550 from = new Serial16550(out, IrqLine.NONE);
      from.write(FCR, fcr);
      byte[] text = "0123456789abcdefghi".getBytes(StandardCharsets.US_ASCII);
      from.arrive(text, text.length);
      Serial16550 to = new Serial16550(out, IrqLine.NONE);
      to.restore(from.state(), from.lineState());
      for (byte b : text) {
        assertEquals(1, to.read(LSR) & 1);
        assertEquals(b, to.read(DATA));
      }
    }
  }

  @Test
  void aRestoredPortRaisesItsInterruptIfItWasRaised() throws IOException {
    port.write(MCR, 0x08);
    port.write(IER, 0x01);
    arrive("q");
    List<Boolean> again = new ArrayList<>();
    new Serial16550(out, again::add).restore(port.state(), port.lineState());
    assertEquals(List.of(true), again);
  }

  @Test
  void countsThatAreTooLargeAreRefused() {
    StateValue chip = port.state().set("fcr", 1).set("receive_count", 17);
    assertThrows(IOException.class, () -> port.restore(chip, port.lineState()));
    StateValue line = port.lineState().set("count", MachineStructs.SERIAL_LINE_MOST + 1);
    assertThrows(IOException.class, () -> port.restore(port.state(), line));
  }

  @Test
  void anyStateThatAGuestCanReachSurvivesSavingAndRestoring() throws IOException {
    for (long seed = 0; seed < 300; seed++) {
      SplittableRandom random = new SplittableRandom(seed);
      Serial16550 from = new Serial16550(out, IrqLine.NONE);
      for (int i = 0; i < random.nextInt(60); i++) {
        int register = random.nextInt(8);
        switch (random.nextInt(4)) {
          case 0 -> from.read(register);
          case 1 -> from.arrive(new byte[] {(byte) random.nextInt()}, 1);
          case 2 -> from.hold();
          default -> from.write(register, random.nextInt(256));
        }
      }
      Serial16550 to = new Serial16550(out, IrqLine.NONE);
      to.restore(from.state(), from.lineState());
      assertArrayEquals(from.state().bytes(), to.state().bytes(), "seed " + seed);
      assertArrayEquals(from.lineState().bytes(), to.lineState().bytes(), "seed " + seed);
      from.hold();
      for (int i = 0; i < 40; i++) {
        int register = random.nextInt(8);
        assertEquals(from.read(register), to.read(register), "seed %d, read %d".formatted(seed, i));
      }
    }
  }
}
