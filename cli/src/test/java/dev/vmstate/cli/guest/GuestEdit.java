package dev.vmstate.cli.guest;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;

/**
 * What the tests change in a guest: a string on a page with other things, a number on a page of
 * zeros, and the address of its card.
 */
final class GuestEdit {
  static final String MAC = "52:54:00:40:00:99";

  private static final String TEXT = "someone else wrote this";
  private static final int NUMBER = 0x600df00d;

  private GuestEdit() {}

  /** Changes memory, with gdb. */
  static void writeMemory(BootedGuest guest, Path core) throws IOException, InterruptedException {
    Gdb.writeText(core, guest.address("text"), TEXT);
    Gdb.writeWord(core, guest.address("zero"), NUMBER);
  }

  /** The machine has what was written, and its guest goes on with it. */
  static void assertSeenBy(Machine machine, SavedGuest saved) throws IOException {
    assertSeenBy(machine, saved, TEXT, NUMBER);
  }

  /** The same with a guest in which nothing was changed. */
  static void assertGoesOn(Machine machine, SavedGuest saved) throws IOException {
    assertSeenBy(machine, saved, "the guest wrote this", 0);
  }

  private static void assertSeenBy(Machine machine, SavedGuest saved, String text, int number)
      throws IOException {
    BootedGuest guest = saved.guest();
    ByteBuffer there = machine.memory(guest.address("zero"), 4096);
    assertEquals(number, there.getInt());
    assertEquals(ByteBuffer.allocate(4092), there);
    byte[] bytes = new byte[text.length() + 1];
    machine.memory(guest.address("text"), bytes.length).get(bytes);
    assertEquals(text + "\0", new String(bytes, StandardCharsets.US_ASCII));
    if (!saved.way().losesPages(guest)) {
      assertGoesOn(machine, text, "%08x".formatted(number));
    }
  }

  /** It neither skips a tick nor does one twice. */
  private static void assertGoesOn(Machine machine, String text, String zero) throws IOException {
    machine.run();
    Tick first = machine.awaitTick(tick -> true);
    machine.awaitTick(tick -> tick.number() >= first.number() + 1);
    List<Tick> ticks = Tick.in(machine.console());
    for (int i = 0; i < ticks.size(); i++) {
      Tick tick = ticks.get(i);
      assertEquals(ticks.get(0).number() + i, tick.number());
      assertEquals(1000 + 7L * tick.number(), tick.counter());
      assertEquals(text, tick.text());
      assertEquals(zero, tick.zero());
    }
  }
}
