package dev.vmstate.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;

class GuestTextTest {
  private static String bytes(String text) {
    return new String(text.getBytes(StandardCharsets.UTF_8), StandardCharsets.ISO_8859_1);
  }

  @Test
  void wordsAreAsInProcMounts() {
    assertEquals("/a\\040b\\134c\\011\\012", GuestText.word("/a b\\c\t\n"));
    assertEquals("/a b\\134c", GuestText.line("/a b\\c"));
  }

  @Test
  void nothingThatATerminalActsOnIsLeft() {
    assertEquals("\\033[31m\\007", GuestText.line("\u001b[31m\u0007"));
    assertEquals("\\302\\233", GuestText.line(bytes("\u009b")));
    assertEquals("\\342\\200\\256", GuestText.line(bytes("\u202e")));
  }

  @Test
  void utf8IsReadAndWhatIsNoneIsBytes() {
    assertEquals("/größe/日本", GuestText.line(bytes("/größe/日本")));
    assertEquals("\\377\\303", GuestText.line("\u00ff\u00c3"));
    assertEquals("größe\u001b", GuestText.json(bytes("größe\u001b")));
    assertEquals("\\377", GuestText.json("\u00ff"));
  }
}
