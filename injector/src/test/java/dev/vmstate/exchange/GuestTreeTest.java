package dev.vmstate.exchange;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Names a guest has made up. */
class GuestTreeTest {
  @TempDir Path temporary;
  private Path root;
  private GuestTree tree;

  @BeforeEach
  void makeDirectory() throws IOException {
    root = Files.createDirectory(temporary.resolve("app.core.d"));
    tree = new GuestTree(root);
  }

  private Path made(String name) throws IOException {
    Path path = tree.path(name);
    tree.makeDirectories(path);
    Files.writeString(path, "x");
    return root.relativize(path);
  }

  @Test
  void namesAreAsInTheGuest() throws IOException {
    assertEquals(Path.of("usr/lib/libc.so.6"), made("/usr/lib/libc.so.6"));
    assertEquals(Path.of("init"), made("/init"));
  }

  @Test
  void noNameLeadsOut() throws IOException {
    assertEquals(
        Path.of("%2e../%2e../etc/cron.d/%2e./x%0a%1b%22"), made("/../../etc/cron.d/./x\n\u001b\""));
    assertTrue(Files.notExists(temporary.resolve("etc")));
    assertEquals(Path.of("a%00b%5c%e9%25"), made("a\0b\\\u00e9%"));
  }

  @Test
  void namesThatAreTooLongAreCutAndStayDifferent() throws IOException {
    String name = "/lib/" + "\u00e9".repeat(250);
    Path first = made(name + "a");
    assertNotEquals(first, made(name + "b"));
    assertTrue(first.getFileName().toString().length() < 220);
  }

  @Test
  void aLinkOutOfTheDirectoryIsNotFollowed() throws IOException {
    Path outside = Files.createDirectory(temporary.resolve("outside"));
    Files.createSymbolicLink(root.resolve("etc"), outside);
    Files.createSymbolicLink(root.resolve("file"), outside.resolve("file"));
    Files.createSymbolicLink(root.resolve("gone"), temporary.resolve("gone"));

    assertThrows(IOException.class, () -> made("/etc/cron.d/x"));
    assertThrows(IOException.class, () -> made("/file"));
    assertThrows(IOException.class, () -> made("/gone/x"));
    try (var files = Files.list(outside)) {
      assertEquals(0, files.count());
    }
    assertTrue(Files.notExists(temporary.resolve("gone")));
  }

  @Test
  void aLinkInsideIsFollowedAndAFileIsNoDirectory() throws IOException {
    Files.createDirectories(root.resolve("usr/lib"));
    Files.createSymbolicLink(root.resolve("lib"), Path.of("usr/lib"));
    made("/lib/libx.so");
    assertTrue(Files.exists(root.resolve("usr/lib/libx.so")));
    assertThrows(IOException.class, () -> made("/lib/libx.so/y"));
    assertThrows(IOException.class, () -> made("/usr"));
  }
}
