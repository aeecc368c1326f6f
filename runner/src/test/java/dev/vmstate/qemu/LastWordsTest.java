package dev.vmstate.qemu;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayInputStream;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;

class LastWordsTest {
  private static LastWords after(String output) {
    LastWords words =
        new LastWords(new ByteArrayInputStream(output.getBytes(StandardCharsets.UTF_8)));
    words.finish();
    return words;
  }

  @Test
  void joinsErrorsAndDropsTheProgramsName() {
    assertEquals(
        "Unknown savevm section 'x'; load of migration failed: Invalid argument",
        after(
                """
                qemu-system-x86_64: warning: TCG doesn't support requested feature
                qemu-system-x86_64: Unknown savevm section 'x'
                qemu-system-x86_64: load of migration failed: Invalid argument
                qemu-system-x86_64: terminating on signal 15 from pid 1
                """)
            .oneLine());
  }

  @Test
  void passesOverTheChatterOfLibraries() {
    assertEquals(
        "-m 16x: bad size",
        after(
                """
                ALSA lib confmisc.c:855:(parse_card) cannot find card '0'
                qemu-system-x86_64: -m 16x: bad size
                ALSA lib pcm.c:2722:(snd_pcm_open_noupdate) Unknown PCM default
                """)
            .oneLine());
  }

  @Test
  void showsAnythingWhenThereIsNothingBetter() {
    assertEquals("sh: 1: no such thing", after("sh: 1: no such thing\n").oneLine());
    assertEquals("", after("").oneLine());
  }

  @Test
  void keepsTheEndOfALongOutput() {
    String text = after("x".repeat(100) + "\n".repeat(1 << 17) + "the end").text();
    assertEquals(1 << 16, text.length());
    assertTrue(text.endsWith("the end"));
  }
}
