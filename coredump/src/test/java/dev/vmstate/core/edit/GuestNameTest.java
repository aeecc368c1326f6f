package dev.vmstate.core.edit;

import static dev.vmstate.core.objects.HandKernel.DIRECT;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.vmstate.core.objects.HandKernel;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import org.junit.jupiter.api.Test;

class GuestNameTest {
  /** So that the name crosses into another page. */
  private static final long NAMESPACE = DIRECT + 0x30fd0;

  private final HandKernel kernel =
      new HandKernel()
          .type("uts_namespace", 0x1a0)
          .member("uts_namespace", "name.nodename", 4 + 65, 65)
          .member("uts_namespace", "name.domainname", 4 + 5 * 65, 65)
          .symbol("init_uts_ns", NAMESPACE)
          .put(NAMESPACE, "uts_namespace", "name.nodename", "an-old-name")
          .put(NAMESPACE, "uts_namespace", "name.domainname", "(none)\u001b[2J");
  private final WrittenRam memory = new WrittenRam(kernel.ram());

  @Test
  void theNameIsReadAndPaddedWhereItIsWritten() throws IOException {
    assertEquals("an-old-name", GuestName.HOSTNAME.text(kernel.objects()));
    assertEquals("an-old-name", GuestName.HOSTNAME.set(kernel.objects(), memory, "new"));
    assertArrayEquals(
        Arrays.copyOf("new".getBytes(StandardCharsets.US_ASCII), 65),
        memory.read(NAMESPACE - DIRECT + 69, 65));
    assertEquals("new", GuestName.HOSTNAME.text(kernel.objects()));
  }

  @Test
  void aGuestCannotWriteToTheTerminal() throws IOException {
    assertEquals("(none)\\x1b[2J", GuestName.DOMAINNAME.text(kernel.objects()));
  }

  @Test
  void sixtyFourBytesFitAndNoMore() throws IOException {
    GuestName.HOSTNAME.set(kernel.objects(), memory, "x".repeat(64));
    assertEquals(0, memory.read(NAMESPACE - DIRECT + 69 + 64, 1)[0]);
    int writes = memory.writes();
    for (String bad : new String[] {"x".repeat(65), "\u00e4".repeat(33), "a\nb"}) {
      assertThrows(
          IllegalArgumentException.class,
          () -> GuestName.HOSTNAME.set(kernel.objects(), memory, bad));
    }
    assertEquals(writes, memory.writes());
  }
}
