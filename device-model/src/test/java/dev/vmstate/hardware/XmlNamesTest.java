package dev.vmstate.hardware;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.List;
import org.junit.jupiter.api.Test;

class XmlNamesTest {
  @Test
  void everyCharacterComesBackAloneAndBetweenOthers() {
    for (int c = 0; c <= 0xffff; c++) {
      for (String name : List.of("" + (char) c, "a" + (char) c + "\\x", (char) c + "\udc00")) {
        assertEquals(name, XmlNames.unescape(XmlNames.escape(name)));
      }
    }
  }

  @Test
  void ordinaryNamesStayAsTheyAre() {
    String name = "0000:00:03.0/e1000 mac_reg[CTRL] \u00e4\ud83d\ude00";
    assertSame(name, XmlNames.escape(name));
  }

  @Test
  void aBackslashThatStartsNothingIsRefused() {
    for (String text :
        List.of("\\", "a\\n", "\\x", "\\x1", "\\xg0", "\\u123", "\\u12g4", "\\\\\\")) {
      assertThrows(IllegalArgumentException.class, () -> XmlNames.unescape(text), text);
    }
  }
}
