package dev.vmstate.cli.guest;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
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

  /** The guest goes on with what was written, and neither skips a tick nor does one twice. */
  static void assertSeenBy(Machine machine) throws IOException {
    assertGoesOn(machine, TEXT, Integer.toHexString(NUMBER));
  }

  /** The same with a guest in which nothing was changed. */
  static void assertGoesOn(Machine machine) throws IOException {
    assertGoesOn(machine, "the guest wrote this", "00000000");
  }

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
