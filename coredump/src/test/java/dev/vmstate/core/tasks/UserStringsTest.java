package dev.vmstate.core.tasks;

import static dev.vmstate.core.objects.HandKernel.DIRECT;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.vmstate.core.objects.HandKernel;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/** Arguments at user address 0x400000, two pages of which are mapped. */
class UserStringsTest {
  private static final long MM = DIRECT + 0x20000;
  private static final long PGD = DIRECT + 0x30000;
  private static final long USER = 0x400000;
  private static final long PAGES = 0x40000;
  private final HandKernel kernel = new HandKernel();

  UserStringsTest() {
    kernel.type("mm_struct", 0x100).member("mm_struct", "pgd", 0, 8);
    String[] members = {"arg_start", "arg_end", "env_start", "env_end"};
    for (int i = 0; i < members.length; i++) {
      kernel.member("mm_struct", members[i], 8 + 8L * i, 8);
    }
    kernel.word(MM, PGD).word(PGD, 0x31007).word(DIRECT + 0x31000, 0x32007);
    kernel.word(DIRECT + 0x32000 + 8 * 2, 0x33007);
    kernel.word(DIRECT + 0x33000, PAGES | 7).word(DIRECT + 0x33008, PAGES + 0x1000 | 7);
  }

  private UserStrings arguments(String text, int environment) throws IOException {
    byte[] bytes = text.getBytes(StandardCharsets.ISO_8859_1);
    kernel.bytes(DIRECT + PAGES, bytes);
    long end = USER + environment;
    kernel.word(MM + 8, USER).word(MM + 16, end);
    kernel.word(MM + 24, end).word(MM + 32, USER + bytes.length);
    return UserStrings.arguments(kernel.objects().at("mm_struct", MM));
  }

  @Test
  void areSplitAtNuls() throws IOException {
    assertEquals(
        new UserStrings(List.of("top", "", "-b x"), Optional.empty()),
        arguments("top\0\0-b x\0HOME=/\0A=\0", 10));
    assertEquals(
        List.of("HOME=/", "A="),
        UserStrings.environment(kernel.objects().at("mm_struct", MM)).strings());
  }

  @Test
  void aTitleGoesOnOverTheEnvironment() throws IOException {
    assertEquals(
        List.of("nginx: worker process"), arguments("nginx: worker process\0\0", 5).strings());
  }

  @Test
  void aTitleEndsWhereTheEnvironmentIsNotBehindTheArguments() throws IOException {
    arguments("nginx: worker process\0\0", 5);
    kernel.word(MM + 24, USER + 0x800);
    assertEquals(
        List.of("nginx"), UserStrings.arguments(kernel.objects().at("mm_struct", MM)).strings());
  }

  @Test
  void whatIsNotThereIsSaid() throws IOException {
    kernel.word(DIRECT + 0x33008, 0);
    UserStrings cut = arguments("a\0" + "b".repeat(0x1800) + "\0", 0x1803);
    assertEquals(List.of("a", "b".repeat(0xffe)), cut.strings());
    assertEquals(Optional.of("0x401000 is not in RAM (swapped out?)"), cut.fault());
    assertEquals(
        Optional.of("0x40000000 bytes at 0x400000 are too many"),
        arguments("", 0x4000_0000).fault());
  }

  @Test
  void noneAreNone() throws IOException {
    assertEquals(new UserStrings(List.of(), Optional.empty()), arguments("", 0));
  }
}
